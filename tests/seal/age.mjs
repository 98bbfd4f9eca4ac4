// Age in JavaScript, for tests/seal.rs. The packages are where install.sh put them: the first argument.
//
//   node age.mjs CACHE vectors FOLDER           C2SP's test vectors: files into the folder, the rest as JSON
//   node age.mjs CACHE recipient < identity     the identity's recipient
//   node age.mjs CACHE encrypt RECIPIENT…       stdin to stdout
//   node age.mjs CACHE decrypt IDENTITY         stdin to stdout
//   node age.mjs CACHE unlock PASSPHRASE        stdin to stdout
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { inflateSync } from "node:zlib";

const [cache, command, ...keys] = process.argv.slice(2);
const load = (file) => import(pathToFileURL(`${cache}/node_modules/${file}`));
const input = () => readFileSync(0);

function vector([name, bytes]) {
  const file = Buffer.from(bytes);
  const end = file.indexOf("\n\n");
  const fields = file.subarray(0, end).toString().split("\n").map((line) => line.split(": "));
  const field = (key) => fields.filter(([k]) => k === key).map(([, value]) => value);
  const body = file.subarray(end + 2);
  writeFileSync(`${keys[0]}/${name}`, field("compressed").length > 0 ? inflateSync(body) : body);
  return {
    name,
    expect: field("expect")[0],
    payload: field("payload")[0] ?? "",
    file_key: field("file key")[0] ?? "",
    identities: field("identity"),
    armored: field("armored").length > 0,
  };
}

const commands = {
  async vectors() {
    const { default: all, ...named } = await load("cctv-age/index.js");
    return JSON.stringify(Object.entries(named).filter(([, bytes]) => bytes instanceof Uint8Array).map(vector));
  },
  async recipient() {
    const age = await load("age-encryption/dist/index.js");
    return age.identityToRecipient(input().toString().trim());
  },
  async encrypt() {
    const age = await load("age-encryption/dist/index.js");
    const encrypter = new age.Encrypter();
    keys.forEach((key) => encrypter.addRecipient(key));
    return encrypter.encrypt(input());
  },
  async decrypt() {
    const age = await load("age-encryption/dist/index.js");
    const decrypter = new age.Decrypter();
    keys.forEach((key) => decrypter.addIdentity(key));
    return decrypter.decrypt(input());
  },
  async unlock() {
    const age = await load("age-encryption/dist/index.js");
    const decrypter = new age.Decrypter();
    decrypter.addPassphrase(keys[0]);
    return decrypter.decrypt(input());
  },
};

writeFileSync(1, await commands[command]());

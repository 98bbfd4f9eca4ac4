package main

// A small world that the tests make themselves: two states with roots, issuing CAs, registrars and members.

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"time"
)

const worldStart = int64(1790000000) // seconds since 1970, when the world's policy is signed

// A holder is a certificate with its key.
type holder struct {
	cert *certificate
	key  *ecdsa.PrivateKey
}

func (h *holder) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.cert.der})
}

var serials = int64(1000)

// issue makes a certificate; a nil issuer stands for itself. Change is applied to the template first.
func issue(t testing.TB, template *x509.Certificate, issuer *holder, change func(*x509.Certificate)) *holder {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return issueFor(t, key, template, issuer, change)
}

func issueFor(t testing.TB, key *ecdsa.PrivateKey, template *x509.Certificate, issuer *holder, change func(*x509.Certificate)) *holder {
	t.Helper()
	serials++
	template.SerialNumber = big.NewInt(serials)
	template.SignatureAlgorithm = x509.ECDSAWithSHA256
	template.BasicConstraintsValid = true
	template.NotBefore = time.Unix(worldStart-3600, 0)
	template.NotAfter = time.Unix(worldStart+1000*86400, 0)
	if change != nil {
		change(template)
	}
	parent, signer := template, key
	if issuer != nil {
		parent, signer = issuer.cert.parsed, issuer.key
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return &holder{&certificate{der: raw, parsed: parsed, key: &key.PublicKey, fingerprint: sha256.Sum256(raw)}, key}
}

func caTemplate(state, name string, pathLength int) *x509.Certificate {
	return &x509.Certificate{
		Subject:  pkix.Name{CommonName: name, Country: []string{state}},
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		IsCA:     true, MaxPathLen: pathLength, MaxPathLenZero: pathLength == 0,
	}
}

func leafTemplate(code string, purpose asn1.ObjectIdentifier) *x509.Certificate {
	name, _ := url.Parse("elchi:" + code)
	return &x509.Certificate{
		Subject:            pkix.Name{CommonName: code, Country: []string{stateOf(code)}},
		KeyUsage:           x509.KeyUsageDigitalSignature,
		UnknownExtKeyUsage: []asn1.ObjectIdentifier{purpose},
		URIs:               []*url.URL{name},
	}
}

// sign makes the CMS over a content.
func sign(t testing.TB, content []byte, signer, issuer *holder, seconds int64) []byte {
	t.Helper()
	c := &cms{signer: signer.cert, issuer: issuer.cert, content: sha256.Sum256(content), signingTime: seconds}
	return encodeSigned(t, c, signer.key, true)
}

// encodeSigned signs the attributes, with a low s or with a high one.
func encodeSigned(t testing.TB, c *cms, key *ecdsa.PrivateKey, low bool) []byte {
	t.Helper()
	c.attributes = c.encodeAttributes()
	sum := sha256.Sum256(c.attributes)
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	if (s.Cmp(halfOrder) > 0) == low {
		s.Sub(elliptic.P256().Params().N, s)
	}
	if c.signature, err = asn1.Marshal(ecdsaSignature{r, s}); err != nil {
		t.Fatal(err)
	}
	return c.encode()
}

// A nation is one state's certificates.
type nation struct{ root, issuing, registrar *holder }

func newNation(t testing.TB, state string) *nation {
	root := issue(t, caTemplate(state, "root of "+state, 1), nil, nil)
	return &nation{
		root:      root,
		issuing:   issue(t, caTemplate(state, "issuing CA of "+state, 0), root, nil),
		registrar: issue(t, leafTemplate(strings.ToLower(state)+".registrar/01", purposeRegistrar), root, nil),
	}
}

// A world has two nations, their members, and both logs.
type world struct {
	t       testing.TB
	nations map[string]*nation
	members map[string]*holder
	sealing map[string]string
	clockMs uint64
	entries []*entered
	events  []*entered
	last    map[digest]digest // of cases, by tag
	lastOf  map[string]digest // of states
	chains  map[chain]*event
	logs    map[string]*logKey
	policy  func() string

	replacement digest // the leaf hash of the last replacement of kg.gpo's key
	newKey      string // the key in it
}

// An entered is a statement as logged.
type entered struct {
	first          int64
	raw, signature []byte
	signer, issuer *holder
	leaves         [][]byte
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, nations: map[string]*nation{}, members: map[string]*holder{}, sealing: map[string]string{},
		clockMs: uint64(worldStart)*1000 + 250, last: map[digest]digest{}, lastOf: map[string]digest{},
		chains: map[chain]*event{}, logs: map[string]*logKey{}}
	for _, state := range []string{"KG", "TR"} {
		w.nations[state] = newNation(t, state)
	}
	for _, log := range []string{"events", "directory"} {
		w.logs[log] = newLogKey(t, "mla.example/"+log, typeLog)
	}
	w.policy = w.plainPolicy
	w.authority("kg.gpo", true)
	w.member("kg.gpo/01", "signatory")
	w.authority("tr.moj", true)
	w.member("tr.moj/01", "signatory")
	w.authority("tr.ist", false)
	w.member("tr.ist/01", "drafter", "signatory")
	w.member("tr.ist/02", "auditor")
	w.authority("tr.ank", false)
	w.authority("kg.mvd", false)
	return w
}

func (w *world) registrar(state string) (*holder, *holder, string) {
	n := w.nations[state]
	return n.registrar, n.root, strings.ToLower(state) + ".registrar/01"
}

func (w *world) authority(code string, central bool, changes ...func(*statement)) {
	w.sealing[code] = "age1pq1" + strings.ReplaceAll(code, ".", "")
	s := &statement{op: "authority", authority: code, central: central, sealing: w.sealing[code]}
	w.register(stateOf(code), s, changes...)
}

func (w *world) member(code string, roles ...string) { w.memberWith(code, roles) }

func (w *world) memberWith(code string, roles []string, changes ...func(*statement)) {
	h := issue(w.t, leafTemplate(code, purposeStatement), w.nations[stateOf(code)].issuing, nil)
	w.members[code] = h
	s := &statement{op: "member", member: code, roles: roles, tls: sumOfBytes([]byte("tls" + h.cert.fingerprint.String())),
		signs: h.cert.fingerprint, sealing: "age1pq1x", from: worldStart - 3600, until: worldStart + 86400*700}
	w.register(stateOf(code), s, changes...)
}

// register logs an entry of the state's registrar.
func (w *world) register(state string, s *statement, changes ...func(*statement)) {
	signer, issuer, code := w.registrar(state)
	w.enter(s, signer, issuer, code, changes...)
}

func numbered(n byte) digest {
	var d digest
	for i := range d {
		d[i] = n
	}
	return d
}

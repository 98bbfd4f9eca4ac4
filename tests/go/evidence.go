package main

// "Evidence" in PROTOCOL.md: the order in which a folder is verified.

import (
	"fmt"
	"io/fs"
	"sort"
	"strings"
)

type settings struct {
	tree  fs.FS
	now   *int64 // the moment as of which checkpoints are judged, or nil for that of their newest cosignature
	whole string // the state of which the folder claims to hold every act, or ""
}

// evidence is what has been read and verified of a folder so far.
type evidence struct {
	*report
	settings
	*folder
	policy      *policy
	roots       map[string]*certificate
	checkpoints map[string]*checkpoint // by "events" and "directory"
	raws        map[string]string      // their notes, as they came
	expected    map[string]bool        // files that belong here
	events      []*item
	directory   []*item
	register    *directory
	allLeaves   hashStore // of the events log, in a bundle whose leaves have its root
}

func verifyEvidence(r *report, s settings) (string, error) {
	f, err := readFolder(r, s.tree)
	if err != nil {
		return "", err
	}
	e := &evidence{report: r, settings: s, folder: f, roots: map[string]*certificate{},
		checkpoints: map[string]*checkpoint{}, raws: map[string]string{},
		expected: map[string]bool{sumsName: true, "verify.sh": true}}
	f.verifySums(r)
	e.read(r, "verify.sh")
	if !e.verifyPolicy() || !e.verifyCheckpoints() {
		return "", nil
	}
	e.directory = e.readItems("directory")
	e.events = e.readItems("events")
	e.expectBundle()
	e.verifyNames(r, e.expected)
	e.verifyInclusion()
	e.verifyDirectory()
	e.verifyStatements()
	e.verifyChains()
	e.verifyCases()
	e.verifyBundle()
	e.verifyHeads()
	if err := f.verifySealed(r, e.events); err != nil {
		return "", err
	}
	return fmt.Sprintf("agrees: %d statements, %d leaves, %d checkpoints",
		len(e.events)+len(e.directory), e.leafCount(), len(e.checkpoints)), nil
}

func (e *evidence) leafCount() int {
	count := len(e.directory)
	for _, one := range e.events {
		count += len(one.leaves)
	}
	return count
}

// verifyPolicy: the policy's grammar, the roots that it names, its registrar's signature at its own time.
func (e *evidence) verifyPolicy() bool {
	const name = "policy/policy.txt"
	raw := e.file(name)
	p, err := parsePolicy(raw)
	if !e.check(name, "Policy", err) {
		return false
	}
	e.policy = p
	e.verifyRoots()
	e.verifyPolicySignature(raw)
	e.say("policy: version %d of %s, %s", p.version, p.state, p.summary())
	return true
}

// file reads a file that belongs here and must be there.
func (e *evidence) file(name string) []byte {
	e.expected[name] = true
	return e.read(e.report, name)
}

func (e *evidence) verifyRoots() {
	keys := map[string]string{}
	for _, root := range e.policy.roots {
		name := "roots/" + root.state + ".pem"
		c, err := certificateFromPEM(e.file(name))
		if err == nil {
			err = c.checkRoot(root.state)
		}
		if !e.check(name, "Certificates", err) {
			continue
		}
		if c.fingerprint != root.fingerprint {
			e.wrong(name, "Policy", "its SHA-256 %s is not the policy's", c.fingerprint)
			continue
		}
		spki := string(c.parsed.RawSubjectPublicKeyInfo)
		if other, there := keys[spki]; there {
			e.wrong(name, "Certificates", "%s and %s have one key", other, root.state)
		}
		keys[spki], e.roots[root.state] = root.state, c
	}
	e.say("roots: %d with the policy's fingerprints", len(e.roots))
}

func (e *evidence) verifyPolicySignature(raw []byte) {
	const name = "policy/policy.p7s"
	c, err := parseCMS(e.file(name))
	if !e.check(name, "Signatures", err) || !e.check(name, "Signatures", c.verify(raw)) {
		return
	}
	root := e.roots[e.policy.state]
	if root == nil {
		e.wrong(name, "Policy", "there is no good root of %s to check it by", e.policy.state)
		return
	}
	if c.issuer.fingerprint != root.fingerprint {
		e.wrong(name, "Signatures", "the issuer in it is not the root of %s", e.policy.state)
		return
	}
	e.check(name, "Policy", checkRegistrarPath(c.signer, root, codeOf(c.signer, e.policy.state), e.policy.time))
}

// codeOf is the code in a certificate's subject, for where nothing else says whose it must be; the profile then
// demands that everything in the certificate is of that code. Without a good code of the state it is one that fails.
func codeOf(c *certificate, state string) string {
	code := c.parsed.Subject.CommonName
	if checkMember(code) != nil || stateOf(code) != state {
		return strings.ToLower(state) + ".unknown/00"
	}
	return code
}

// verifyCheckpoints: the logs' keys are the policy's, they signed the checkpoints, and so did the witnesses.
func (e *evidence) verifyCheckpoints() bool {
	for _, log := range []string{"directory", "events"} {
		name := "logs/" + log + ".checkpoint"
		raw, keyFile := e.file(name), string(e.file("logs/"+log+".vkey"))
		origin := e.policy.originOf(log)
		key, err := parseVKey(strings.TrimSuffix(keyFile, "\n"), typeLog)
		if err == nil && (key.text+"\n" != keyFile || !e.namesLog(origin, key)) {
			err = fmt.Errorf("it is not a key that the policy has for %s, and one LF", origin)
		}
		e.check("logs/"+log+".vkey", "Evidence", err)
		c, err := openCheckpoint(raw, origin, e.policy.known(origin))
		if !e.check(name, "Logs", err) {
			return false
		}
		e.checkpoints[log], e.raws[log] = c, string(raw)
		if key != nil {
			e.check(name, "Evidence", e.checkLines(c, key, string(raw)))
		}
		e.judge(name, log, c)
	}
	return true
}

func (e *evidence) namesLog(origin string, key *vkey) bool {
	for _, line := range e.policy.logs {
		if line.key.text == key.text && key.name == origin {
			return true
		}
	}
	return false
}

// checkLines: in evidence, a checkpoint has one line of the log's key, then the witnesses' in the policy's order.
func (e *evidence) checkLines(c *checkpoint, key *vkey, raw string) error {
	lines := append([]signatureLine{}, c.lines...)
	place := func(line signatureLine) int {
		for i, witness := range e.policy.witnesses {
			if witness.key == line.key {
				return i + 1
			}
		}
		return 0
	}
	sort.SliceStable(lines, func(i, j int) bool { return place(lines[i]) < place(lines[j]) })
	text := c.text + "\n"
	for _, line := range lines {
		text += line.text + "\n"
	}
	if text != raw || lines[0].key.text != key.text || (len(lines) > 1 && place(lines[1]) == 0) {
		return fmt.Errorf("it has not exactly one line of the log's key, then those of the policy's witnesses in its order")
	}
	return nil
}

func (e *evidence) judge(name, log string, c *checkpoint) {
	moment := c.momentOf()
	if e.now != nil {
		moment = *e.now
	}
	standing := c.standingAt(e.policy, moment)
	if standing == unwitnessed {
		e.say("checkpoint: %s at %d leaves is %s", c.origin, c.tree.N, standing)
		return
	}
	e.say("checkpoint: %s at %d leaves is %s as of %d, with %d cosignatures that count", c.origin, c.tree.N, standing, moment,
		len(c.countingAt(e.policy, moment)))
	switch {
	case standing == refused:
		e.wrong(name, "Cosignatures", "it is refused as of %d, for no cosignature of %s counts: %s", moment, e.policy.state, c.fullFrom(e.policy))
	case standing == provisional && e.isBundle():
		e.wrong(name, "Bundles", "it is provisional as of %d, and a bundle's checkpoints are full: %s", moment, c.fullFrom(e.policy))
	case standing == provisional && e.policy.provisionalSeconds == 0:
		e.wrong(name, "Cosignatures", "it is provisional as of %d, and the policy has no line provisional: %s", moment, c.fullFrom(e.policy))
	case standing == provisional:
		e.say("checkpoint: whether %s was full at most %d seconds earlier cannot be seen from a folder", log, e.policy.provisionalSeconds)
	}
}

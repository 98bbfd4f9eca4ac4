package main

// "Policy" in PROTOCOL.md: the lines before "tlog-policy", and the whole policy's one spelling.

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

const (
	policyHeader     = "elchi-policy/v1"
	maxPolicy        = 128 << 10
	maxTlogPolicy    = 64 << 10
	maxProvisionalAt = 2592000
)

type policyRoot struct {
	state       string
	fingerprint digest
}

type vote struct{ state, name string }

type policy struct {
	state   string
	version uint64
	time    int64
	server  string
	spki    digest
	roots   []policyRoot
	votes   []vote

	provisionalSeconds uint64
	provisionalOps     []string
	tlogPolicy
}

// PROTOCOL.md does not spell out the server's address: host or bracketed IPv6 address, colon, port.
var serverForm = regexp.MustCompile(`^([a-z0-9.-]+|\[[0-9a-f:.]+\]):[1-9][0-9]{0,4}$`)

func parsePolicy(raw []byte) (*policy, error) {
	text := string(raw)
	switch {
	case len(raw) > maxPolicy:
		return nil, fmt.Errorf("it is longer than %d bytes", maxPolicy)
	case !utf8.ValidString(text):
		return nil, errors.New("it is not UTF-8")
	case !strings.HasSuffix(text, "\n"):
		return nil, errors.New("the last line does not end in LF")
	}
	lines := strings.Split(text[:len(text)-1], "\n")
	if lines[0] != policyHeader {
		return nil, fmt.Errorf("it does not begin with %q", policyHeader)
	}
	r := &reader{lines: lines[1:]}
	p := &policy{}
	p.parseHead(r)
	if r.err == nil && (len(r.lines) == 0 || r.lines[0] != "tlog-policy") {
		r.fail(errors.New("the line \"tlog-policy\" is missing, or another is where it should be"))
	}
	if r.err != nil {
		return nil, r.err
	}
	if err := p.parseTlogPolicy(r.lines[1:]); err != nil {
		return nil, err
	}
	if p.encode() != text {
		return nil, errors.New("it is not in its one spelling")
	}
	return p, p.checkForm()
}

func (p *policy) parseHead(r *reader) {
	p.state = r.checked(r.word("state"), checkState)
	p.version = r.number(r.word("version"))
	p.time = r.time(r.word("time"))
	words := r.words("server", 3)
	p.server, p.spki = words[0], r.digest(words[2])
	for r.next("root") {
		words := r.words("root", 2)
		p.roots = append(p.roots, policyRoot{r.checked(words[0], checkState), r.digest(words[1])})
	}
	for r.next("vote") {
		words := r.words("vote", 2)
		p.votes = append(p.votes, vote{r.checked(words[0], checkState), words[1]})
	}
	if r.next("provisional") { // after the seconds, ops or none
		words := strings.Split(r.word("provisional"), " ")
		p.provisionalSeconds, p.provisionalOps = r.number(words[0]), words[1:]
		if p.provisionalSeconds == 0 {
			r.fail(errors.New("provisional 0 is not at least one second"))
		}
	}
}

func (p *policy) encode() string {
	var b strings.Builder
	line := func(format string, args ...interface{}) { fmt.Fprintf(&b, format+"\n", args...) }
	line(policyHeader)
	line("state %s", p.state)
	line("version %d", p.version)
	line("time %s", formatTime(p.time))
	line("server %s spki %s", p.server, p.spki)
	for _, root := range p.roots {
		line("root %s %s", root.state, root.fingerprint)
	}
	for _, v := range p.votes {
		line("vote %s %s", v.state, v.name)
	}
	if p.provisionalSeconds > 0 {
		line("provisional %s", strings.Join(append([]string{fmt.Sprint(p.provisionalSeconds)}, p.provisionalOps...), " "))
	}
	line("tlog-policy")
	p.tlogPolicy.encode(line)
	return b.String()
}

// checkForm holds the policy against what stands below the example.
func (p *policy) checkForm() error {
	if !serverForm.MatchString(p.server) {
		return fmt.Errorf("%q is no address of a server", p.server)
	}
	var states []string
	for _, root := range p.roots {
		states = append(states, root.state)
	}
	if len(states) == 0 || !ascends(states) {
		return errors.New("there is no root, or the roots do not ascend by state")
	}
	if !contains(states, p.state) {
		return errors.New("the policy's state has no root")
	}
	if err := p.checkVotes(states); err != nil {
		return err
	}
	return p.checkProvisional()
}

func (p *policy) checkVotes(states []string) error {
	var voting, names []string
	for _, v := range p.votes {
		voting, names = append(voting, v.state), append(names, v.name)
		if !contains(states, v.state) {
			return fmt.Errorf("%s has a vote and no root", v.state)
		}
		if !p.defined(v.name) {
			return fmt.Errorf("the vote of %s is of %q, which is not defined", v.state, v.name)
		}
	}
	switch {
	case !ascends(voting):
		return errors.New("the votes do not ascend by state")
	case hasTwice(names):
		return errors.New("two states vote by one name")
	case p.quorum == "none" && len(voting) > 0:
		return errors.New("there is a vote, and the quorum is none")
	case p.quorum != "none" && !contains(voting, p.state):
		return errors.New("the policy's own state has no vote")
	}
	return nil
}

func (p *policy) checkProvisional() error {
	if p.provisionalSeconds == 0 {
		return nil
	}
	if p.quorum == "none" {
		return errors.New("there is a provisional line, and the quorum is none")
	}
	if p.provisionalSeconds > maxProvisionalAt {
		return errors.New("the provisional line has too many seconds")
	}
	last := -1
	for _, op := range p.provisionalOps {
		at := indexOf(eventOps, op)
		if at <= last {
			return errors.New("the ops of the provisional line are unknown or not in order")
		}
		last = at
	}
	return nil
}

func (p *policy) voteOf(state string) string {
	for _, v := range p.votes {
		if v.state == state {
			return v.name
		}
	}
	return ""
}

package main

// "Policy" in PROTOCOL.md and C2SP's tlog-policy: logs, witnesses, groups and the quorum.

import (
	"errors"
	"fmt"
	"strings"
)

type keyLine struct {
	name string // of a witness within the policy
	key  *vkey
	url  string
}

type group struct {
	name, threshold string
	members         []string
	needed          int
}

type tlogPolicy struct {
	order     []string // the lines as read, in their order, each written again from what was read of it
	logs      []keyLine
	witnesses []keyLine
	groups    []group
	quorum    string
}

func (t *tlogPolicy) parseTlogPolicy(lines []string) error {
	size := 0
	for _, line := range lines {
		size += len(line) + 1
		if strings.IndexFunc(line, func(r rune) bool { return r < 0x20 || r == 0x7f }) >= 0 {
			return errors.New("there is a tab or another control character")
		}
		if err := t.parseLine(strings.Split(line, " ")); err != nil {
			return err
		}
	}
	if size > maxTlogPolicy {
		return fmt.Errorf("its tlog-policy is longer than %d bytes", maxTlogPolicy)
	}
	if t.quorum == "" {
		return errors.New("there is no quorum")
	}
	return t.checkOrigins()
}

// parseLine takes a line; an empty one or a comment, by C2SP's definition, is kept as it is.
func (t *tlogPolicy) parseLine(words []string) error {
	line := strings.Join(words, " ")
	if inner := strings.TrimLeft(line, " "); inner == "" || inner[0] == '#' {
		t.order = append(t.order, line)
		return nil
	}
	if contains(words, "") {
		return errors.New("words are not parted by one space")
	}
	switch {
	case words[0] == "log" && (len(words) == 2 || len(words) == 3):
		return t.addKey(&t.logs, typeLog, "", words[1:])
	case words[0] == "witness" && (len(words) == 3 || len(words) == 4):
		if err := t.checkNew(words[1]); err != nil {
			return err
		}
		return t.addKey(&t.witnesses, typeWitness, words[1], words[2:])
	case words[0] == "group" && len(words) >= 4:
		return t.addGroup(words)
	case words[0] == "quorum" && len(words) == 2:
		return t.addQuorum(words[1])
	}
	return fmt.Errorf("no line of a tlog-policy begins with %q", words[0])
}

// addKey takes a log's or witness's line; no key may stand twice, whatever its name.
func (t *tlogPolicy) addKey(list *[]keyLine, kind byte, name string, words []string) error {
	key, err := parseVKey(words[0], kind)
	if err != nil {
		return err
	}
	for _, other := range *list {
		if other.key.key.Equal(key.key) {
			return fmt.Errorf("the key of %s stands twice", key.name)
		}
		if other.key.name == key.name && other.key.id == key.id {
			return fmt.Errorf("two keys of %s have one id", key.name)
		}
	}
	line := keyLine{name: name, key: key}
	text := "log " + key.text
	if kind == typeWitness {
		text = "witness " + name + " " + key.text
	}
	if len(words) == 2 {
		line.url = words[1]
		text += " " + line.url
	}
	*list = append(*list, line)
	t.order = append(t.order, text)
	return nil
}

func (t *tlogPolicy) addGroup(words []string) error {
	g := group{name: words[1], threshold: words[2], members: words[3:]}
	if err := t.checkNew(g.name); err != nil {
		return err
	}
	switch g.threshold {
	case "any":
		g.needed = 1
	case "all":
		g.needed = len(g.members)
	default:
		n, err := parseNumber(g.threshold)
		if err != nil || n < 1 || n > uint64(len(g.members)) {
			return fmt.Errorf("group %s has threshold %q", g.name, g.threshold)
		}
		g.needed = int(n)
	}
	for i, member := range g.members {
		if !t.defined(member) {
			return fmt.Errorf("group %s has member %q, which is not defined before it", g.name, member)
		}
		if contains(g.members[:i], member) || t.inGroup(member) {
			return fmt.Errorf("%q is listed as a member twice", member)
		}
	}
	t.groups = append(t.groups, g)
	t.order = append(t.order, "group "+g.name+" "+g.threshold+" "+strings.Join(g.members, " "))
	return nil
}

func (t *tlogPolicy) addQuorum(name string) error {
	if t.quorum != "" {
		return errors.New("there are two quorums")
	}
	if name != "none" && !t.defined(name) {
		return fmt.Errorf("the quorum is %q, which is not defined before it", name)
	}
	t.quorum = name
	t.order = append(t.order, "quorum "+name)
	return nil
}

func (t *tlogPolicy) checkNew(name string) error {
	if name == "none" || t.defined(name) {
		return fmt.Errorf("the name %q is taken", name)
	}
	return nil
}

func (t *tlogPolicy) defined(name string) bool {
	return t.witness(name) != nil || t.group(name) != nil
}

func (t *tlogPolicy) witness(name string) *keyLine {
	for i := range t.witnesses {
		if t.witnesses[i].name == name {
			return &t.witnesses[i]
		}
	}
	return nil
}

func (t *tlogPolicy) group(name string) *group {
	for i := range t.groups {
		if t.groups[i].name == name {
			return &t.groups[i]
		}
	}
	return nil
}

// witnessesUnder are the names of a witness, or of all witnesses in a group and in the groups in it.
func (t *tlogPolicy) witnessesUnder(name string) []string {
	g := t.group(name)
	if g == nil {
		return []string{name}
	}
	var names []string
	for _, member := range g.members {
		names = append(names, t.witnessesUnder(member)...)
	}
	return names
}

func (t *tlogPolicy) inGroup(name string) bool {
	for _, g := range t.groups {
		if contains(g.members, name) {
			return true
		}
	}
	return false
}

func (t *tlogPolicy) encode(line func(string, ...interface{})) {
	for _, text := range t.order {
		line("%s", text)
	}
}

package main

// "Statements" in PROTOCOL.md: reading a statement. What was read is encoded again and must be the same bytes.

import (
	"errors"
	"fmt"
	"strings"
)

const (
	maxStatement = 1 << 20
	maxLine      = 2100
)

// A reader goes through the lines of a text, and remembers the first thing that was not as it must be.
type reader struct {
	lines []string
	err   error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// word takes what follows key on the next line, which must begin with it.
func (r *reader) word(key string) string {
	if r.err != nil {
		return ""
	}
	if len(r.lines) == 0 || !strings.HasPrefix(r.lines[0], key+" ") {
		r.fail(fmt.Errorf("a line %q is missing", key))
		return ""
	}
	rest := r.lines[0][len(key)+1:]
	r.lines = r.lines[1:]
	return rest
}

// words takes count words that follow key on the next line. That the fixed ones among them are right shows when the
// statement is encoded again.
func (r *reader) words(key string, count int) []string {
	line := r.word(key)
	words := strings.Split(line, " ")
	if len(words) != count {
		r.fail(fmt.Errorf("line %q has not %d words", key, count))
		return make([]string, count)
	}
	return words
}

// next says whether another line begins with key.
func (r *reader) next(key string) bool {
	return r.err == nil && len(r.lines) > 0 && strings.HasPrefix(r.lines[0], key+" ")
}

func (r *reader) digest(text string) digest {
	d, err := parseDigest(text)
	if err != nil {
		r.fail(err)
	}
	return d
}

func (r *reader) number(text string) uint64 {
	n, err := parseNumber(text)
	if err != nil {
		r.fail(err)
	}
	return n
}

func (r *reader) time(text string) int64 {
	t, err := parseTime(text)
	if err != nil {
		r.fail(err)
	}
	return t
}

func (r *reader) checked(text string, check func(string) error) string {
	if err := check(text); err != nil {
		r.fail(err)
	}
	return text
}

func (r *reader) oneOf(text string, choice []string) string {
	if !contains(choice, text) {
		r.fail(fmt.Errorf("%q is none of %s", text, strings.Join(choice, ", ")))
	}
	return text
}

func (r *reader) head(key string) head {
	words := r.words(key, 2)
	return head{r.number(words[0]), r.digest(words[1])}
}

// splitLines parts a text of printable ASCII whose every line ends in LF.
func splitLines(text string) ([]string, error) {
	if !strings.HasSuffix(text, "\n") {
		return nil, errors.New("the last line does not end in LF")
	}
	lines := strings.Split(text[:len(text)-1], "\n")
	for _, line := range lines {
		if len(line) > maxLine {
			return nil, fmt.Errorf("a line is longer than %d bytes", maxLine)
		}
		for i := 0; i < len(line); i++ {
			if line[i] < 0x20 || line[i] > 0x7e {
				return nil, errors.New("a byte is not printable ASCII")
			}
		}
	}
	return lines, nil
}

func parseStatement(raw []byte) (*statement, error) {
	if len(raw) > maxStatement {
		return nil, fmt.Errorf("it is longer than %d bytes", maxStatement)
	}
	lines, err := splitLines(string(raw))
	if err != nil {
		return nil, err
	}
	if lines[0] != statementHeader {
		return nil, fmt.Errorf("it does not begin with %q", statementHeader)
	}
	r := &reader{lines: lines[1:]}
	s := &statement{log: r.checked(r.word("log"), checkOrigin), op: r.word("op")}
	parts, known := linesOfOp[s.op]
	if !known {
		r.fail(fmt.Errorf("there is no op %q", s.op))
	}
	for _, part := range parts {
		s.parsePart(part, r)
	}
	s.actor = r.checked(r.word("actor"), checkMember)
	s.certificate = r.digest(r.word("certificate"))
	s.directory = r.head("directory")
	s.seen = r.head("seen")
	s.time = r.time(r.word("time"))
	s.nonce = r.digest(r.word("nonce"))
	if r.err == nil && len(r.lines) > 0 {
		r.fail(errors.New("lines follow the nonce"))
	}
	if r.err != nil {
		return nil, r.err
	}
	if err := s.checkForm(); err != nil {
		return nil, err
	}
	if s.encode() != string(raw) {
		return nil, errors.New("it is not in its one spelling")
	}
	return s, nil
}

func (s *statement) parsePart(part string, r *reader) {
	switch part {
	case "case":
		s.caseTag = r.digest(r.word("case"))
	case "after":
		s.after = r.digest(r.word("after"))
	case "kind":
		s.kind = r.oneOf(r.word("kind"), allKinds)
	case "documents":
		for r.next("document") {
			w := r.words("document", 7)
			s.documents = append(s.documents, document{r.digest(w[0]), r.digest(w[2]), r.digest(w[4]), r.number(w[6])})
		}
	case "tags":
		for r.next("document") {
			s.documents = append(s.documents, document{tag: r.digest(r.word("document"))})
		}
	case "slips":
		for r.next("slip") {
			w := r.words("slip", 6)
			s.slips = append(s.slips, slip{r.digest(w[0]), r.checked(w[1], checkAuthority), r.digest(w[3]), r.digest(w[5])})
		}
	case "to":
		for r.next("to") {
			s.to = append(s.to, r.checked(r.word("to"), checkAuthority))
		}
	case "authority":
		s.authority = r.checked(r.word("authority"), checkAuthority)
	case "central":
		s.central = r.oneOf(r.word("central"), []string{"yes", "no"}) == "yes"
	case "sealing":
		s.sealing = r.checked(r.word("sealing"), checkText)
	case "member":
		s.member = r.checked(r.word("member"), checkMember)
	case "roles":
		for r.next("role") {
			s.roles = append(s.roles, r.oneOf(r.word("role"), allRoles))
		}
	case "tls":
		s.tls = r.digest(r.word("tls"))
	case "statement":
		s.signs = r.digest(r.word("statement"))
	case "valid":
		w := r.words("valid", 2)
		s.from, s.until = r.time(w[0]), r.time(w[1])
	case "reason":
		s.reason = r.oneOf(r.word("reason"), allReasons)
	case "key":
		s.key = r.digest(r.word("key"))
	case "entry":
		s.entry = r.digest(r.word("entry"))
	}
}

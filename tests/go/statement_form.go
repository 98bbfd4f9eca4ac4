package main

// "Statements" and "Limits" in PROTOCOL.md: what stands below the grammar about counts, order, and each once.

import (
	"errors"
	"fmt"
	"sort"
	"strings"
)

const (
	maxDocuments = 256
	maxSlips     = 2304
	maxRewrapped = 256
	maxTo        = 8
	maxSealed    = 1 << 40
)

// checkForm holds the statement against what stands below the grammar: the log, counts, order, each once.
func (s *statement) checkForm() error {
	want := "/directory"
	if contains(eventOps, s.op) {
		want = "/events"
	}
	if !strings.HasSuffix(s.log, want) {
		return fmt.Errorf("op %s is not for log %s", s.op, s.log)
	}
	parts, slips := linesOfOp[s.op], maxSlips
	if contains(rewrapOps, s.op) {
		slips = maxRewrapped
	}
	counts := []struct {
		part       string
		count, max int
	}{
		{"documents", len(s.documents), maxDocuments}, {"tags", len(s.documents), maxDocuments},
		{"slips", len(s.slips), slips}, {"to", len(s.to), maxTo}, {"roles", len(s.roles), len(allRoles)},
	}
	for _, c := range counts {
		if contains(parts, c.part) && (c.count == 0 || c.count > c.max) {
			return fmt.Errorf("it has %d %s, and must have 1 to %d", c.count, c.part, c.max)
		}
	}
	return s.checkOrder()
}

func (s *statement) checkOrder() error {
	place := map[digest]int{}
	for i, d := range s.documents {
		if _, twice := place[d.tag]; twice {
			return fmt.Errorf("document %s stands twice", d.tag)
		}
		place[d.tag] = i
		if contains(linesOfOp[s.op], "documents") && (d.bytes == 0 || d.bytes > maxSealed) {
			return fmt.Errorf("document %s has %d bytes", d.tag, d.bytes)
		}
	}
	for i, p := range s.slips {
		at, named := place[p.document]
		if !named {
			return fmt.Errorf("a slip is of document %s, which the statement does not name", p.document)
		}
		if i == 0 {
			continue
		}
		before := s.slips[i-1]
		if place[before.document] > at || (before.document == p.document && before.authority >= p.authority) {
			return errors.New("the slips are not in order, or one stands twice")
		}
	}
	if !ascends(s.to) {
		return errors.New("the recipients do not ascend")
	}
	for i := 1; i < len(s.roles); i++ {
		if indexOf(allRoles, s.roles[i-1]) >= indexOf(allRoles, s.roles[i]) {
			return errors.New("the roles are not in order, or one stands twice")
		}
	}
	return nil
}

func indexOf(list []string, word string) int {
	for i, one := range list {
		if one == word {
			return i
		}
	}
	return -1
}

// ascends says whether each word comes after the one before it, byte for byte.
func ascends(words []string) bool {
	return sort.SliceIsSorted(words, func(i, j int) bool { return words[i] < words[j] }) && !hasTwice(words)
}

func hasTwice(words []string) bool {
	seen := map[string]bool{}
	for _, word := range words {
		if seen[word] {
			return true
		}
		seen[word] = true
	}
	return false
}

package main

// "The life cycle" in PROTOCOL.md: every case folded from its statements, in the order of their leaves.

import (
	"errors"
	"fmt"
)

const maxSlipsOfCase = 8192

type status string

const (
	submitted    status = "Submitted"
	acknowledged status = "Acknowledged"
	forwarded    status = "ForwardedToCompetent"
	executed     status = "Executed"
	responded    status = "Responded"
	closed       status = "Closed"
)

// A legalCase is where a case stands.
type legalCase struct {
	status     status
	requesting string          // the central authority that asked
	requested  string          // the central authority that was asked
	competent  map[string]bool // to whom the requested one forwarded it
	last       digest          // its last leaf
	slips      int
	cover      map[digest]digest                // the cover with which a document came
	has        map[digest]map[string]*keptSlips // which slips authorities have of a document
}

// A registry has all cases, and all tags that any leaf had so far.
type registry struct {
	cases     map[digest]*legalCase
	tags      map[digest]bool
	directory *directory
}

func newRegistry(d *directory) *registry {
	return &registry{map[digest]*legalCase{}, map[digest]bool{}, d}
}

// verifyCases folds all cases. What is refused still moves the case, so that one wrong act is named once.
func (e *evidence) verifyCases() {
	g, inspections := newRegistry(e.register), 0
	for _, one := range e.events {
		if one.statement.op == "inspect" { // of no case
			inspections++
		} else {
			c, err := g.permits(one)
			e.check(one.file("statement.txt"), sectionOf(one.statement.op), err)
			if c != nil {
				g.take(c, one)
			}
		}
		for _, leaf := range one.leaves {
			g.tags[leaf.tag] = true
		}
	}
	held, waiting := g.countSlips()
	e.say("cases: %d, each act held against the life cycle; %d inspections of registers", len(g.cases), inspections)
	e.say("slips: %d in force, and %d newer ones wait", held, waiting)
}

// permits says whether the act is allowed where its case stands; it answers with the case, unless there is none.
func (g *registry) permits(one *item) (*legalCase, error) {
	s := one.statement
	c := g.cases[s.caseTag]
	if s.op == "submit" && s.kind == "request" {
		c = &legalCase{competent: map[string]bool{}, cover: map[digest]digest{}, has: map[digest]map[string]*keptSlips{}}
		if g.cases[s.caseTag] != nil || g.tags[s.caseTag] {
			return g.cases[s.caseTag], errors.New("the case tag of a request is not new")
		}
		return c, firstOf(g.permitsRequest(one), g.permitsNewTags(one), permitsSlips(s), c.permitsCount(s))
	}
	if c == nil {
		return nil, errors.New("the case's request is not here")
	}
	if contains(touchOps, s.op) {
		if err := c.permitsTouch(s); err != nil {
			return c, err
		}
		return c, g.permitsSealedAnew(c, one)
	}
	if s.after != c.last {
		return c, errors.New("its after is not the leaf hash of the case's last leaf")
	}
	switch s.op {
	case "submit":
		return c, firstOf(c.permitsResponse(s), g.permitsNewTags(one), permitsSlips(s), c.permitsCount(s))
	case "forward":
		return c, firstOf(c.permitsForward(s), c.permitsForwardedSlips(s), c.permitsCount(s))
	case "acknowledge":
		return c, c.permitsBy(s, c.requested, submitted)
	}
	return c, c.permitsBy(s, c.requesting, responded)
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// permitsBy is for acts that one authority may do at one status.
func (c *legalCase) permitsBy(s *statement, authority string, at status) error {
	if c.status != at {
		return fmt.Errorf("%s is not allowed in a case that is %s", s.op, c.status)
	}
	if authorityOf(s.actor) != authority {
		return fmt.Errorf("%s is for %s, and not for %s", s.op, authority, authorityOf(s.actor))
	}
	return nil
}

// permitsRequest: from a central authority to that of another state, after nothing.
func (g *registry) permitsRequest(one *item) error {
	s, size := one.statement, one.directorySize()
	sender := authorityOf(s.actor)
	switch {
	case s.after != zeroDigest:
		return errors.New("a request builds on nothing, and its after is not zeros")
	case !g.directory.isCentral(sender, size):
		return fmt.Errorf("%s is not a central authority", sender)
	case len(s.to) != 1 || !g.directory.isCentral(s.to[0], size) || stateOf(s.to[0]) == stateOf(sender):
		return errors.New("a request goes to the central authority of another state, and to nobody else")
	}
	return nil
}

// permitsNewTags: the tags of a submit's documents are new in the whole log, under any kind.
func (g *registry) permitsNewTags(one *item) error {
	for _, leaf := range one.leaves {
		isNew := leaf.kind == kindDocument || (leaf.kind == kindCase && one.statement.kind == "request")
		if isNew && (g.tags[leaf.tag] || leaf.seq != 0 || (leaf.kind == kindDocument && leaf.tag == one.statement.caseTag)) {
			return fmt.Errorf("the tag of %s is not new", leaf.chain)
		}
	}
	return nil
}

// permitsSlips: of every document for the sender, of the cover for every recipient, and for nobody else.
func permitsSlips(s *statement) error {
	has := map[digest]map[string]bool{}
	sender := authorityOf(s.actor)
	for _, p := range s.slips {
		if p.authority != sender && !contains(s.to, p.authority) {
			return fmt.Errorf("there is a slip for %s, which neither sends nor receives", p.authority)
		}
		if has[p.document] == nil {
			has[p.document] = map[string]bool{}
		}
		has[p.document][p.authority] = true
	}
	for _, d := range s.documents {
		if !has[d.tag][sender] {
			return fmt.Errorf("the sender has no slip of document %s", d.tag)
		}
	}
	for _, authority := range s.to {
		if !has[s.documents[0].tag][authority] {
			return fmt.Errorf("%s has no slip of the cover", authority)
		}
	}
	return nil
}

func (c *legalCase) permitsCount(s *statement) error {
	if c.slips+len(s.slips) > maxSlipsOfCase {
		return fmt.Errorf("the case has more than %d slips", maxSlipsOfCase)
	}
	return nil
}

// permitsResponse: up the same way on which the request came down.
func (c *legalCase) permitsResponse(s *statement) error {
	sender, to := authorityOf(s.actor), ""
	switch {
	case c.status == forwarded && c.competent[sender]:
		to = c.requested
	case (c.status == acknowledged || c.status == executed) && sender == c.requested:
		to = c.requesting
	default:
		return fmt.Errorf("%s may not respond in a case that is %s", sender, c.status)
	}
	if len(s.to) != 1 || s.to[0] != to {
		return fmt.Errorf("the response must go to %s, and to nobody else", to)
	}
	if sender == to {
		return errors.New("the sender is a recipient")
	}
	return nil
}

// permitsForward: by a central authority, within its own state, never to itself.
func (c *legalCase) permitsForward(s *statement) error {
	sender := authorityOf(s.actor)
	asked := (c.status == acknowledged || c.status == forwarded) && sender == c.requested
	if !asked && !(c.status == responded && sender == c.requesting) {
		return fmt.Errorf("%s may not forward in a case that is %s", sender, c.status)
	}
	for _, authority := range s.to {
		if authority == sender || stateOf(authority) != stateOf(sender) {
			return fmt.Errorf("a forward goes to others of the own state, and not to %s", authority)
		}
	}
	return nil
}

// permitsForwardedSlips: one for each document and recipient, none for the second time, and never without the cover.
func (c *legalCase) permitsForwardedSlips(s *statement) error {
	gives := map[digest]map[string]bool{}
	for _, p := range s.slips {
		if !contains(s.to, p.authority) {
			return fmt.Errorf("there is a slip for %s, which does not receive", p.authority)
		}
		if c.has[p.document][p.authority] != nil {
			return fmt.Errorf("%s gets a second slip of document %s", p.authority, p.document)
		}
		if gives[p.document] == nil {
			gives[p.document] = map[string]bool{}
		}
		gives[p.document][p.authority] = true
	}
	for _, d := range s.documents {
		cover, known := c.cover[d.tag]
		if !known {
			return fmt.Errorf("document %s is not of the case", d.tag)
		}
		for _, authority := range s.to {
			if !gives[d.tag][authority] {
				return fmt.Errorf("%s has no slip of document %s", authority, d.tag)
			}
			if !gives[cover][authority] && c.has[cover][authority] == nil {
				return fmt.Errorf("%s gets document %s without its cover", authority, d.tag)
			}
		}
	}
	return nil
}

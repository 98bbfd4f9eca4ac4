package main

// "Slips after a replacement" in PROTOCOL.md: which slip of a document an authority has in force, and which one waits.

import "fmt"

// A keptSlips is what an authority has of one document.
type keptSlips struct {
	key   digest // to which the slip in force is sealed
	waits *waitingSlip
}

// A waitingSlip is of a rewrap that nobody has confirmed yet.
type waitingSlip struct {
	key digest
	by  string // who signed the rewrap
}

// sectionOf is the heading with the rules for an act of a case.
func sectionOf(op string) string {
	switch op {
	case "unwrap", "rewrap", "confirm", "reject":
		return "Slips after a replacement"
	}
	return "The life cycle"
}

// permitsTouch: acts that touch documents are for an authority that has a slip of each document, which are of the case.
func (c *legalCase) permitsTouch(s *statement) error {
	for _, d := range s.documents {
		if _, known := c.cover[d.tag]; !known {
			return fmt.Errorf("document %s is not of the case", d.tag)
		}
		if c.has[d.tag][authorityOf(s.actor)] == nil {
			return fmt.Errorf("%s has no slip of document %s", authorityOf(s.actor), d.tag)
		}
	}
	return nil
}

// permitsSealedAnew is for rewrap and confirm. Unwrap and reject need no more than a slip of each document.
func (g *registry) permitsSealedAnew(c *legalCase, one *item) error {
	switch one.statement.op {
	case "rewrap":
		return firstOf(permitsOwnSlips(one.statement), g.permitsRewrap(c, one))
	case "confirm":
		return g.permitsConfirm(c, one)
	}
	return nil
}

// permitsOwnSlips: one for each document, which then is in order, and each for the actor's authority. That it is
// sealed to the key in force is seen with all other slips.
func permitsOwnSlips(s *statement) error {
	if len(s.slips) != len(s.documents) {
		return fmt.Errorf("it has %d slips of %d documents", len(s.slips), len(s.documents))
	}
	for _, p := range s.slips {
		if p.authority != authorityOf(s.actor) {
			return fmt.Errorf("there is a slip for %s, which is not the actor's authority", p.authority)
		}
	}
	return nil
}

// permitsRewrap: no slip that is kept is sealed to the authority's key in force.
func (g *registry) permitsRewrap(c *legalCase, one *item) error {
	s := one.statement
	authority := authorityOf(s.actor)
	key := g.directory.keyAt(authority, one.directorySize(), one.timeMs())
	if key == nil {
		return fmt.Errorf("%s has no sealing key", authority)
	}
	for _, d := range s.documents {
		kept := c.has[d.tag][authority]
		if kept.key == key.print || (kept.waits != nil && kept.waits.key == key.print) {
			return fmt.Errorf("%s has a slip of document %s that is sealed to its key in force", authority, d.tag)
		}
	}
	return nil
}

// permitsConfirm: of slips that wait, by another member than who signed the rewrap, who holds their key.
func (g *registry) permitsConfirm(c *legalCase, one *item) error {
	s, size, timeMs := one.statement, one.directorySize(), one.timeMs()
	member, err := g.directory.memberAt(s.actor, size, timeMs)
	if err != nil {
		return err
	}
	for _, d := range s.documents {
		waits := c.has[d.tag][authorityOf(s.actor)].waits
		switch {
		case waits == nil:
			return fmt.Errorf("no slip of document %s waits", d.tag)
		case waits.by == s.actor:
			return fmt.Errorf("%s sealed the slip of document %s that waits", s.actor, d.tag)
		case !g.directory.holds(member, waits.key, size, timeMs):
			return fmt.Errorf("%s does not hold the key of the slip of document %s that waits", s.actor, d.tag)
		}
	}
	return nil
}

// takeSlips keeps the slips that come, and drops those that go.
func (c *legalCase) takeSlips(s *statement) {
	if s.op != "rewrap" { // a slip that takes another's place does not count
		c.slips += len(s.slips)
	}
	for _, p := range s.slips {
		if c.has[p.document] == nil {
			c.has[p.document] = map[string]*keptSlips{}
		}
		kept := c.has[p.document][p.authority]
		switch {
		case s.op == "rewrap" && kept != nil:
			kept.waits = &waitingSlip{p.key, s.actor}
		case s.op != "rewrap" && kept == nil:
			c.has[p.document][p.authority] = &keptSlips{key: p.key}
		}
	}
	if s.op != "confirm" && s.op != "reject" {
		return
	}
	for _, d := range s.documents {
		kept := c.has[d.tag][authorityOf(s.actor)]
		if kept == nil || kept.waits == nil {
			continue
		}
		if s.op == "confirm" {
			kept.key = kept.waits.key
		}
		kept.waits = nil
	}
}

// countSlips counts the slips that are in force, and those that wait.
func (g *registry) countSlips() (held, waiting int) {
	for _, c := range g.cases {
		for _, of := range c.has {
			for _, kept := range of {
				held++
				if kept.waits != nil {
					waiting++
				}
			}
		}
	}
	return held, waiting
}

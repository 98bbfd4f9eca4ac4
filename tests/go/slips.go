package main

// "Slips after a replacement" in PROTOCOL.md: which slip of a document an authority has in force, and which one waits.

import "fmt"

// A slipName is one slip of a document and an authority, as its line names it.
type slipName struct{ key, sum digest }

// A keptSlips is what an authority has of one document.
type keptSlips struct {
	inForce slipName
	waits   *waitingSlip
}

// A waitingSlip is of a rewrap that nobody has confirmed yet.
type waitingSlip struct {
	slipName
	by string // who signed the rewrap
}

// waitsAs says whether this very slip waits, and no other in its place.
func (k *keptSlips) waitsAs(named slipName) bool { return k.waits != nil && k.waits.slipName == named }

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

// permitsSealedAnew is for acts with slips: those that come, or those that are named. Other acts that touch documents
// need no more than a slip of each.
func (g *registry) permitsSealedAnew(c *legalCase, one *item) error {
	if !contains(rewrapOps, one.statement.op) {
		return nil
	}
	if err := permitsOwnSlips(one.statement); err != nil {
		return err
	}
	if one.statement.op == "rewrap" {
		return g.permitsRewrap(c, one)
	}
	return g.permitsNamed(c, one)
}

// permitsOwnSlips: one for each document, which then is in order, and each for the actor's authority. That those of a
// rewrap are sealed to the key in force is seen with all other slips.
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
		if kept.inForce.key == key.print || (kept.waits != nil && kept.waits.key == key.print) {
			return fmt.Errorf("%s has a slip of document %s that is sealed to its key in force", authority, d.tag)
		}
	}
	return nil
}

// permitsNamed: a confirm is of the very slips that wait, a reject of those or of the ones in force.
func (g *registry) permitsNamed(c *legalCase, one *item) error {
	s, size, timeMs := one.statement, one.directorySize(), one.timeMs()
	member, err := g.directory.memberAt(s.actor, size, timeMs)
	if err != nil {
		return err
	}
	for _, p := range s.slips {
		kept, named := c.has[p.document][p.authority], p.name()
		if s.op == "reject" && kept.inForce == named { // it tells whoever sealed it
			continue
		}
		if !kept.waitsAs(named) {
			return fmt.Errorf("no such slip of document %s waits as the one that the %s names", p.document, s.op)
		}
		own := kept.waits.by == s.actor
		switch {
		case s.op == "confirm" && own:
			return fmt.Errorf("%s sealed the slip of document %s that waits", s.actor, p.document)
		case !(s.op == "reject" && own) && !g.directory.holds(member, named.key, size, timeMs):
			return fmt.Errorf("%s does not hold the key of the slip of document %s that waits", s.actor, p.document)
		}
	}
	return nil
}

// takeSlips keeps the slips that come, and drops those that go.
func (c *legalCase) takeSlips(s *statement) {
	if !contains(rewrapOps, s.op) { // a slip that takes another's place does not count, nor one that is only named
		c.slips += len(s.slips)
	}
	for _, p := range s.slips {
		if c.has[p.document] == nil {
			c.has[p.document] = map[string]*keptSlips{}
		}
		if kept := c.has[p.document][p.authority]; kept != nil {
			kept.take(s, p.name())
		} else if !contains(rewrapOps, s.op) {
			c.has[p.document][p.authority] = &keptSlips{inForce: p.name()}
		}
	}
}

// take is what an act does to the slips of a document that its authority has already.
func (k *keptSlips) take(s *statement, of slipName) {
	switch {
	case s.op == "rewrap":
		k.waits = &waitingSlip{of, s.actor}
	case s.op == "confirm" && k.waitsAs(of):
		k.inForce, k.waits = of, nil
	case s.op == "reject" && k.waitsAs(of):
		k.waits = nil
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

package main

// "The life cycle" in PROTOCOL.md: where a case stands after an act.

// take moves the case: its status, its last leaf, its documents, and who has slips of them.
func (g *registry) take(c *legalCase, one *item) {
	s := one.statement
	for _, leaf := range one.leaves {
		if leaf.kind == kindCase {
			c.last = leaf.hash
		}
	}
	sender := authorityOf(s.actor)
	switch s.op {
	case "submit":
		c.takeSubmit(s, sender)
		if s.kind == "request" {
			g.cases[s.caseTag] = c
		}
	case "acknowledge":
		c.status = acknowledged
	case "forward":
		if c.status != responded {
			c.status = forwarded
			for _, authority := range s.to {
				c.competent[authority] = true
			}
		}
	case "close":
		c.status = closed
	}
	c.takeSlips(s)
}

func (c *legalCase) takeSubmit(s *statement, sender string) {
	for _, d := range s.documents {
		c.cover[d.tag] = s.documents[0].tag
	}
	switch {
	case s.kind == "request" && c.status == "":
		c.status, c.requesting, c.requested = submitted, sender, s.to[0]
	case sender == c.requested:
		c.status = responded
	default:
		c.status = executed
	}
}

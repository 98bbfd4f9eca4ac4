package main

// What the tests' world does with slips after a replacement, and what auditors do.

// both documents of the request.
var both = []digest{cover, annex}

// replacing is a request, and a day later the replacement of kg.gpo's key by its custodian, kg.gpo/05; kg.gpo/01 gets
// a grant of the new key, and the world seals to it. The acts follow.
func replacing(acts ...func(*world)) []func(*world) {
	story := []func(*world){custodian(), plainly(request), later(dayMs), replaced("kg.gpo/05"), sealsAnew, granted("kg.gpo/05", "kg.gpo/01")}
	return append(story, acts...)
}

// given are the slips of a document that came for an authority, in their order.
func given(w *world, tag digest, authority string) []slip {
	var list []slip
	for _, one := range w.events {
		s, err := parseStatement(one.raw)
		if err != nil {
			w.t.Fatal(err)
		}
		if s.op == "confirm" || s.op == "reject" {
			continue
		}
		for _, p := range s.slips {
			if p.document == tag && p.authority == authority {
				list = append(list, p)
			}
		}
	}
	return list
}

// named is a confirm or a reject of slips that came for the member's authority: of each document the newest, or with
// back 1 the one before it. Where none came, it is of one made up.
func named(op, code string, tags []digest, back int, changes ...change) func(*world) {
	return func(w *world) {
		s := &statement{op: op, caseTag: theCase}
		for _, tag := range tags {
			s.documents = append(s.documents, document{tag: tag})
			if list := given(w, tag, authorityOf(code)); len(list) > back {
				s.slips = append(s.slips, list[len(list)-1-back])
			} else {
				s.slips = append(s.slips, slipsFor(w, []digest{tag}, authorityOf(code))...)
			}
		}
		w.act(code, s, changes...)
	}
}

// confirms and rejects are of the newest slips.
func confirms(code string, tags []digest, changes ...change) func(*world) {
	return named("confirm", code, tags, 0, changes...)
}

func rejects(code string, tags []digest, changes ...change) func(*world) {
	return named("reject", code, tags, 0, changes...)
}

// touches is an act of a member that touches documents, without slips.
func touches(op, code string, tags []digest, changes ...change) func(*world) {
	return func(w *world) { touch(w, op, code, tags, changes...) }
}

// rewrapped is a rewrap of documents to the key that the world seals to.
func rewrapped(code string, tags []digest, changes ...change) func(*world) {
	return func(w *world) {
		s := &statement{op: "rewrap", caseTag: theCase, slips: slipsFor(w, tags, authorityOf(code))}
		for _, tag := range tags {
			s.documents = append(s.documents, document{tag: tag})
		}
		w.act(code, s, changes...)
	}
}

// replacedAgain is one more replacement by kg.gpo/05, which the world seals to.
func replacedAgain(w *world) {
	replaced("kg.gpo/05")(w)
	sealsAnew(w)
}

// inspected is an inspection of an authority's register.
func inspected(code, authority string, changes ...change) func(*world) {
	return func(w *world) { w.act(code, &statement{op: "inspect", authority: authority}, changes...) }
}

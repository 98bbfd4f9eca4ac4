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

// touches is an act of a member that touches documents.
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

package main

import "fmt"

// A report collects what was verified and what is wrong, in the order in which it was found.
type report struct {
	lines  []string
	wrongs []string
}

// say notes a kind of thing that was verified, with its count.
func (r *report) say(format string, args ...interface{}) {
	r.lines = append(r.lines, fmt.Sprintf(format, args...))
}

// wrong notes that a file breaks a rule; section is the heading of PROTOCOL.md that has the rule.
func (r *report) wrong(file, section, format string, args ...interface{}) {
	r.wrongs = append(r.wrongs, file+": "+section+": "+fmt.Sprintf(format, args...))
}

// check notes an error as wrong, and says whether there was none.
func (r *report) check(file, section string, err error) bool {
	if err != nil {
		r.wrong(file, section, "%v", err)
	}
	return err == nil
}

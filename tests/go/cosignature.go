package main

// "Cosignatures" in PROTOCOL.md: what a checkpoint is by its cosignatures, at a moment.

import (
	"fmt"
	"sort"
)

const (
	cosignatureEarly = 10 * 60     // counts from so many seconds before its time,
	cosignatureLate  = 6 * 60 * 60 // to so many after it
)

type standing string

const (
	unwitnessed standing = "unwitnessed"
	full        standing = "full"
	provisional standing = "provisional"
	refused     standing = "refused"
)

// countingAt are the names in the policy of the witnesses whose cosignatures count at that moment. At the time of the
// newest cosignature, these are the ones at most six hours older: those that count on a checkpoint that was kept.
func (c *checkpoint) countingAt(p *policy, now int64) map[string]bool {
	counting := map[string]bool{}
	for _, line := range c.lines {
		if line.key.kind != typeWitness {
			continue
		}
		age := now - line.time
		if age >= -cosignatureEarly && age <= cosignatureLate {
			counting[p.witnessName(line.key)] = true
		}
	}
	return counting
}

// standingAt evaluates the vote of the reader's own state, without which nothing else counts, and then the quorum.
func (c *checkpoint) standingAt(p *policy, now int64) standing {
	if p.quorum == "none" {
		return unwitnessed
	}
	counting := c.countingAt(p, now)
	if vote := p.voteOf(p.state); vote == "" || !p.satisfied(vote, counting) {
		return refused
	}
	if p.satisfied(p.quorum, counting) {
		return full
	}
	return provisional
}

// momentOf is the time of the newest cosignature, as of which a checkpoint that was kept is judged; without any, 0.
func (c *checkpoint) momentOf() int64 {
	newest := int64(0)
	for _, line := range c.lines {
		if line.key.kind == typeWitness && line.time > newest {
			newest = line.time
		}
	}
	return newest
}

// checkLeafTime: a leaf under a checkpoint is at most ten minutes younger than each cosignature of the reader's own
// state on it, whether that one counts or not. Other states' witnesses are not believed against a log.
func (c *checkpoint) checkLeafTime(p *policy, timeMs uint64) error {
	own := p.witnessesUnder(p.voteOf(p.state))
	for _, line := range c.lines {
		if line.key.kind != typeWitness || !contains(own, p.witnessName(line.key)) {
			continue
		}
		if last := uint64(line.time) + tenMinutesMs/1000; timeMs/1000 > last || (timeMs/1000 == last && timeMs%1000 > 0) {
			return fmt.Errorf("its time is more than ten minutes after the cosignature of %s at %d", line.key.name, line.time)
		}
	}
	return nil
}

// fullFrom tells when a checkpoint that is not taken was, or will be, full; for the reader of an old folder.
func (c *checkpoint) fullFrom(p *policy) string {
	var moments []int64
	for _, line := range c.lines {
		if line.key.kind == typeWitness {
			moments = append(moments, line.time-cosignatureEarly)
		}
	}
	sort.Slice(moments, func(i, j int) bool { return moments[i] < moments[j] })
	for _, moment := range moments {
		if c.standingAt(p, moment) == full {
			return fmt.Sprintf("it was full at %d (seconds since 1970)", moment)
		}
	}
	return "at no moment is it full"
}

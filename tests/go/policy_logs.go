package main

// "Policy" in PROTOCOL.md: what a policy says about logs and witnesses, once it is read.

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// checkOrigins: one origin ends in /events, one in /directory, and both have one name.
func (t *tlogPolicy) checkOrigins() error {
	base := map[string]string{}
	for _, log := range t.logs {
		origin := log.key.name
		if err := checkOrigin(origin); err != nil {
			return err
		}
		cut := strings.LastIndexByte(origin, '/')
		if cut < 0 || (origin[cut:] != "/events" && origin[cut:] != "/directory") {
			return fmt.Errorf("the log %s ends in neither /events nor /directory", origin)
		}
		if other, there := base[origin[cut:]]; there && other != origin[:cut] {
			return fmt.Errorf("several origins end in %s", origin[cut:])
		}
		base[origin[cut:]] = origin[:cut]
	}
	if len(base) != 2 || base["/events"] != base["/directory"] {
		return errors.New("there are not two logs, <name>/events and <name>/directory")
	}
	return nil
}

// originOf is the origin of the log that is called "events" or "directory".
func (t *tlogPolicy) originOf(log string) string {
	for _, line := range t.logs {
		if strings.HasSuffix(line.key.name, "/"+log) {
			return line.key.name
		}
	}
	return ""
}

// known are the keys under which a checkpoint of that origin is opened: the log's and all witnesses'.
func (t *tlogPolicy) known(origin string) []*vkey {
	var keys []*vkey
	for _, line := range t.logs {
		if line.key.name == origin {
			keys = append(keys, line.key)
		}
	}
	for _, line := range t.witnesses {
		keys = append(keys, line.key)
	}
	return keys
}

func (t *tlogPolicy) witnessName(key *vkey) string {
	for _, line := range t.witnesses {
		if line.key == key {
			return line.name
		}
	}
	return ""
}

// satisfied says whether the witness or group of that name witnessed, given the witnesses that count.
func (t *tlogPolicy) satisfied(name string, counting map[string]bool) bool {
	g := t.group(name)
	if g == nil {
		return counting[name]
	}
	have := 0
	for _, member := range g.members {
		if t.satisfied(member, counting) {
			have++
		}
	}
	return have >= g.needed
}

// summary names what a policy demands, for the output.
func (t *tlogPolicy) summary() string {
	return strconv.Itoa(len(t.witnesses)) + " witnesses, quorum " + t.quorum
}

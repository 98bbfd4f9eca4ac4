package main

import (
	"fmt"
	"strings"
	"testing"
)

// A witnessed world has three witnesses: kg.1 and kg.2 of KG, tr.1 of TR.
type witnessed struct {
	*world
	kg1, kg2, tr1 *logKey
}

const witnessTime = worldStart + 5000

func newWitnessed(t testing.TB, head, tail string) *witnessed {
	w := &witnessed{world: newWorld(t), kg1: newLogKey(t, "w1.kg.example", typeWitness),
		kg2: newLogKey(t, "w2.kg.example", typeWitness), tr1: newLogKey(t, "w1.tr.example", typeWitness)}
	w.policy = func() string {
		lines := fmt.Sprintf("witness kg.1 %s\nwitness kg.2 %s\nwitness tr.1 %s\n", w.kg1.text, w.kg2.text, w.tr1.text)
		return w.policyWith(head, lines+tail)
	}
	return w
}

// cosigned makes a folder whose checkpoints have the cosignatures that the function adds.
func (w *witnessed) cosigned(add func(text string) string) map[string][]byte { return w.files(add) }

func at(seconds int64) []string { return []string{"--now", fmt.Sprint(seconds)} }

const (
	groupsAll = "group kg any kg.1 kg.2\ngroup tr any tr.1\ngroup states all kg tr\nquorum states\n"
	votesBoth = "vote KG kg\nvote TR tr\n"

	twoOfThree = "group g 2 kg.1 kg.2 tr.1\nquorum g\n"
	quorumOfTR = "group kg any kg.1 kg.2\ngroup tr any tr.1\nquorum tr\n"

	allOps = "provisional 259200 submit release opened acknowledge forward close unwrap rewrap confirm reject inspect\n"
)

func TestQuorums(t *testing.T) {
	cases := []struct {
		name, head, tail string
		kg1, kg2, tr1    bool
		want             standing
	}{
		{"all groups, any in each", votesBoth, groupsAll, false, true, true, full},
		{"one group missing", votesBoth, groupsAll, true, true, false, provisional},
		{"own state alone, no provisional line", votesBoth, groupsAll, true, false, false, provisional},
		{"own state alone, provisional", votesBoth + allOps, groupsAll, true, false, false, provisional},
		{"other state alone is not provisional", votesBoth + allOps, groupsAll, false, false, true, refused},
		{"two of three", "vote KG kg.1\n", twoOfThree, true, false, true, full},
		{"two of three, without the own state's", "vote KG kg.1\n", twoOfThree, false, true, true, refused},
		{"the same with a provisional line", "vote KG kg.1\n" + allOps, twoOfThree, false, true, true, refused},
		{"one of three where two are needed", "vote KG kg.1\n", twoOfThree, true, false, false, provisional},
		{"the same with a provisional line, taken", "vote KG kg.1\n" + allOps, twoOfThree, true, false, false, provisional},
		{"another of three", "vote KG kg.1\n", twoOfThree, false, true, false, refused},
		{"the quorum is another state's", votesBoth, quorumOfTR, false, false, true, refused},
		{"the quorum is another state's, own one there", votesBoth, quorumOfTR, false, true, true, full},
		{"the quorum is another state's, own one alone", votesBoth + allOps, quorumOfTR, false, true, false, provisional},
		{"half of the own state's group of two", "vote KG kg\n", "group kg all kg.1 kg.2\nquorum tr.1\n", true, false, true, refused},
		{"all of the own state's group of two", "vote KG kg\n", "group kg all kg.1 kg.2\nquorum tr.1\n", true, true, true, full},
		{"a witness as quorum", "vote KG kg.1\n", "quorum kg.1\n", true, false, false, full},
		{"another witness than the quorum", "vote KG kg.1\n", "quorum kg.1\n", false, true, true, refused},
		{"no quorum", "", "quorum none\n", true, false, false, unwitnessed},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWitnessed(t, c.head, c.tail)
			files := w.cosigned(func(text string) string {
				lines := ""
				for i, key := range []*logKey{w.kg1, w.kg2, w.tr1} {
					if []bool{c.kg1, c.kg2, c.tr1}[i] {
						lines += key.cosign(text, witnessTime)
					}
				}
				return lines
			})
			code, out := verify(t, files, at(witnessTime+5)...)
			wrong := c.want == refused || (c.want == provisional && !strings.Contains(c.head, "provisional"))
			if !strings.Contains(out, "leaves is "+string(c.want)) || (code == exitWrong) != wrong {
				t.Errorf("exit %d, and not %s:\n%s", code, c.want, out)
			}
		})
	}
}

// A cosignature counts from ten minutes before its time to six hours after it.
func TestCosignatureWindow(t *testing.T) {
	w := newWitnessed(t, "vote KG kg.1\n", "quorum kg.1\n")
	files := w.cosigned(func(text string) string { return w.kg1.cosign(text, witnessTime) })
	mustAgree(t, files, at(witnessTime-600)...)
	mustAgree(t, files, at(witnessTime+21600)...)
	mustRefuse(t, files, "Cosignatures: it is refused", at(witnessTime-601)...)
	mustRefuse(t, files, "it was full at", at(witnessTime+21601)...)
}

// Without --now, a checkpoint is judged as of the time of its newest cosignature, however long ago that is.
func TestKeptCheckpointsAreJudgedAsOfTheNewest(t *testing.T) {
	w := newWitnessed(t, votesBoth, groupsAll)
	apart := func(seconds int64) map[string][]byte {
		return w.cosigned(func(text string) string {
			return w.kg1.cosign(text, witnessTime) + w.tr1.cosign(text, witnessTime+seconds)
		})
	}
	out := mustAgree(t, apart(6*3600))
	if want := fmt.Sprintf("is full as of %d, with 2 cosignatures that count", witnessTime+6*3600); !strings.Contains(out, want) {
		t.Errorf("no %q in\n%s", want, out)
	}
	mustRefuse(t, apart(6*3600+1), "Cosignatures: it is refused as of")
	mustAgree(t, apart(-6*3600))
	mustRefuse(t, apart(-6*3600-1), "Cosignatures: it is provisional as of")
	mustAgree(t, apart(0))
	mustRefuse(t, apart(0), "it was full at", at(witnessTime+86400)...)
	mustRefuse(t, w.cosigned(nil), "at no moment is it full")
}

// A leaf is at most ten minutes younger than each cosignature of the own state over it, to the millisecond.
func TestLeavesAreNotYoungerThanCosignatures(t *testing.T) {
	w := newWitnessed(t, votesBoth+allOps, "group inner any kg.1\ngroup kg any inner kg.2\ngroup tr any tr.1\nquorum kg\n")
	last := int64(witnessTime) * 1000
	w.clockMs = uint64(last) - 1000
	request(w.world)
	by := func(kg, tr int64) map[string][]byte {
		return w.cosigned(func(text string) string {
			if text == w.noteText("directory") {
				return w.kg1.cosign(text, witnessTime)
			}
			return w.kg1.cosign(text, kg) + w.tr1.cosign(text, tr)
		})
	}
	mustAgree(t, by(witnessTime-600, witnessTime))
	mustAgree(t, by(witnessTime, witnessTime-600))
	const words = "events/000000: Cosignatures: its time is more than ten minutes after the cosignature of w1."
	mustRefuse(t, by(witnessTime-601, witnessTime), words+"kg.example")
	mustRefuse(t, by(witnessTime-601, witnessTime), words+"kg.example", at(witnessTime)...)
	mustAgree(t, by(witnessTime, witnessTime-601))
	mustAgree(t, by(witnessTime, 0), at(witnessTime)...)
	// One of the own state's that is too old to count is held against the leaf all the same.
	mustRefuse(t, w.cosigned(func(text string) string {
		return w.kg1.cosign(text, witnessTime) + w.kg2.cosign(text, 1000)
	}), "more than ten minutes after the cosignature of w2.kg.example at 1000")
}

func TestLeafTimeToTheMillisecond(t *testing.T) {
	w := newWitnessed(t, votesBoth, groupsAll)
	p, err := parsePolicy([]byte(w.policy()))
	if err != nil {
		t.Fatal(err)
	}
	by := func(key *logKey) *checkpoint {
		for _, line := range p.witnesses {
			if line.key.text == key.text {
				return &checkpoint{lines: []signatureLine{{key: line.key, time: 1000}}}
			}
		}
		return nil
	}
	for _, key := range []*logKey{w.kg1, w.kg2} {
		if err := by(key).checkLeafTime(p, 1600000); err != nil {
			t.Error(err)
		}
		requireError(t, by(key).checkLeafTime(p, 1600001), "more than ten minutes")
	}
	if err := by(w.tr1).checkLeafTime(p, 1600001); err != nil {
		t.Error(err)
	}
}

func TestCosignatureRefusals(t *testing.T) {
	w := newWitnessed(t, "vote KG kg.1\n", "quorum kg.1\n")
	now := at(witnessTime)
	good := func(text string) string { return w.kg1.cosign(text, witnessTime) }
	stranger := newLogKey(t, "stranger.example", typeWitness)

	mustRefuse(t, w.cosigned(nil), "at no moment is it full", now...)
	mustRefuse(t, w.cosigned(func(text string) string { return good(text) + good(text) }), "two lines of the key", now...)
	mustRefuse(t, w.cosigned(func(text string) string { return good(text) + w.kg1.cosign(text, witnessTime+1) }), "two lines of the key", now...)
	mustRefuse(t, w.cosigned(func(text string) string { return w.kg1.cosign(text+"x", witnessTime) }), "invalid signature", now...)
	mustRefuse(t, w.cosigned(func(text string) string { return w.kg1.cosign(text, -1) }), "invalid signature", now...)
	mustRefuse(t, w.cosigned(func(text string) string { return w.kg1.sign(text) }), "invalid signature", now...)
	mustRefuse(t, w.cosigned(func(text string) string { return good(text) + stranger.cosign(text, witnessTime) }), "not exactly one line of the log's key", now...)
	mustRefuse(t, w.cosigned(func(text string) string { return w.tr1.cosign(text, witnessTime) + good(text) }), "in its order", now...)
	mustRefuse(t, w.cosigned(func(text string) string { return good(text) + w.tr1.cosign(text+"x", witnessTime) }), "invalid signature", now...)
}

// Outside evidence, lines of unknown keys are passed over.
func TestUnknownCosignerIsPassedOver(t *testing.T) {
	w := newWitnessed(t, "vote KG kg.1\n", "quorum kg.1\n")
	stranger := newLogKey(t, "w1.kg.example", typeWitness) // of the same name
	text := w.noteText("events")
	raw := text + "\n" + stranger.cosign(text, 5) + w.logs["events"].sign(text)
	if _, err := openCheckpoint([]byte(raw), "mla.example/events", []*vkey{w.logs["events"].vkey, w.kg1.vkey}); err != nil {
		t.Error(err)
	}
	if _, err := openCheckpoint([]byte(text+"\n"+w.kg1.cosign(text, 5)), "mla.example/events", []*vkey{w.logs["events"].vkey, w.kg1.vkey}); err == nil {
		t.Error("a checkpoint that the log did not sign was taken")
	}
}

// The example in "Cosignatures" and "Logs", which C2SP has too, has its key ids right.
func TestWitnessKeyIsNotALogKey(t *testing.T) {
	w := newLogKey(t, "w.example", typeWitness)
	if _, err := parseVKey(w.text, typeLog); err == nil {
		t.Error("a witness's key was taken for a log's")
	}
	wrongID := strings.Replace(w.text, fmt.Sprintf("+%08x+", w.id), fmt.Sprintf("+%08x+", w.id^1), 1)
	if _, err := parseVKey(wrongID, typeWitness); err == nil {
		t.Error("a key with a wrong id was taken")
	}
}

// Checkpoints: three lines, one spelling.
func TestCheckpointRefusals(t *testing.T) {
	key := newLogKey(t, "mla.example/events", typeLog)
	root := encodeBase64(emptyRoot[:])
	for name, text := range map[string]string{
		"extension line": "mla.example/events\n5\n" + root + "\nmore\n",
		"leading zero":   "mla.example/events\n05\n" + root + "\n",
		"other origin":   "mla.example/other\n5\n" + root + "\n",
		"no origin":      "MLA/events\n5\n" + root + "\n",
		"short root":     "mla.example/events\n5\nAAAA\n",
		"unused bits":    "mla.example/events\n5\n" + root[:42] + "V=\n",
		"wrong empty":    "mla.example/events\n0\n" + encodeBase64(make([]byte, 32)) + "\n",
		"too large":      "mla.example/events\n9223372036854775807\n" + root + "\n",
	} {
		if _, err := openCheckpoint([]byte(text+"\n"+key.sign(text)), "mla.example/events", []*vkey{key.vkey}); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	text := "mla.example/events\n0\n" + root + "\n"
	if _, err := openCheckpoint([]byte(text+"\n"+key.sign(text)), "mla.example/events", []*vkey{key.vkey}); err != nil {
		t.Error(err)
	}
	if _, err := openCheckpoint([]byte(text+"\n"+key.sign(text)+key.sign(text)), "mla.example/events", []*vkey{key.vkey}); err == nil {
		t.Error("two lines of the log's key were taken")
	}
}

package main

import (
	"strings"
	"testing"
)

func TestPolicyRefusals(t *testing.T) {
	w := newWitnessed(t, votesBoth+allOps, groupsAll)
	good := w.policy()
	if _, err := parsePolicy([]byte(good)); err != nil {
		t.Fatal(err)
	}
	log := newLogKey(t, "other.example/events", typeLog)
	second := newLogKey(t, "mla.example/events", typeLog)
	if _, err := parsePolicy([]byte(strings.Replace(good, "witness kg.1", "log "+second.text+"\nwitness kg.1", 1))); err != nil {
		t.Errorf("a second key of an origin: %v", err)
	}
	for old, new := range map[string]string{
		"quorum states\n":              "\n# a comment  with two spaces, é\nquorum states\n#\n  # more\n\n",
		"log " + w.logs["events"].text: "log " + w.logs["events"].text + " https://mla.example/#x",
		strings.TrimPrefix(strings.TrimSpace(allOps), "provisional 259200"): "",
		" release opened acknowledge":                                       "",
		" unwrap rewrap confirm reject inspect":                             "",
		" close unwrap rewrap confirm reject":                               "",
	} {
		if _, err := parsePolicy([]byte(strings.Replace(good, old, new, 1))); err != nil {
			t.Errorf("%q: %v", new, err)
		}
	}
	for _, c := range []struct{ old, new, words string }{
		{"elchi-policy/v1", "elchi-policy/v2", "does not begin"},
		{"state KG", "state kg", "not a state"},
		{"version 1\n", "version 01\n", "not a number"},
		{"Z\nserver", "z\nserver", "not a time"},
		{"mla.example:8443", "mla.example", "no address"},
		{"root KG", "root ZZ", "do not ascend"},
		{"state KG\n", "state UZ\n", "has no root"},
		{"vote KG kg\nvote TR tr\n", "vote TR tr\nvote KG kg\n", "votes do not ascend"},
		{"vote KG kg\n", "", "own state has no vote"},
		{"vote TR tr\n", "vote TR kg\n", "two states vote by one name"},
		{"vote TR tr\n", "vote TR xx\n", "not defined"},
		{"vote TR tr\n", "vote UZ tr\n", "has a vote and no root"},
		{"provisional 259200", "provisional 2592001", "too many seconds"},
		{"provisional 259200", "provisional 0", "at least one second"},
		{"submit release opened", "release submit opened", "not in order"},
		{"submit release opened", "submit submit opened", "not in order"},
		{"close unwrap", "unwrap close", "not in order"},
		{"unwrap rewrap", "rewrap unwrap", "not in order"},
		{"confirm reject", "reject confirm", "not in order"},
		{"reject inspect", "inspect reject", "not in order"},
		{"reject inspect", "reject reject", "not in order"},
		{"reject inspect", "reject revoke", "not in order"},
		{"reject inspect", "reject  inspect", "not in order"},
		{strings.TrimPrefix(strings.TrimSpace(allOps), "provisional 259200"), " ", "not in order"},
		{allOps, allOps + allOps, "tlog-policy"},
		{"quorum states\n", "quorum none\n", "quorum is none"},
		{"quorum states\n", "quorum nothing\n", "not defined before"},
		{"quorum states\n", "", "no quorum"},
		{"quorum states\n", "quorum states\nquorum states\n", "two quorums"},
		{"quorum states\n", "quorum states", "does not end in LF"},
		{"quorum states\n", "quorum  states\n", "one space"},
		{"quorum states\n", "quorum\tstates\n", "tab"},
		{"quorum states\n", " quorum states\n", "one space"},
		{"quorum states\n", "quorum states \n", "one space"},
		{"quorum states\n", "#\tquorum\nquorum states\n", "tab"},
		{"quorum states\n", "# quorum states\n", "no quorum"},
		{"vote KG kg\n", "# a comment\nvote KG kg\n", "tlog-policy"},
		{"group kg any", "group kg 3", "threshold"},
		{"group kg any", "group kg 01", "threshold"},
		{"group kg any", "group kg 0", "threshold"},
		{"group kg any kg.1 kg.2", "group kg any kg.1 kg.1", "twice"},
		{"group tr any tr.1", "group tr any kg.1", "twice"},
		{"group tr any tr.1", "group tr any none", "not defined"},
		{"group tr any tr.1", "group kg any tr.1", "taken"},
		{"group kg any", "group none any", "taken"},
		{"witness kg.2", "witness kg.1", "taken"},
		{"witness kg.1 " + w.kg1.text, "witness kg.1 " + w.kg2.text, "stands twice"},
		{"witness kg.1 " + w.kg1.text, "witness kg.1 " + log.text, "not of type"},
		{"log " + w.logs["events"].text, "log " + w.kg1.text, "not of type"},
		{"log " + w.logs["events"].text, "log " + log.text, "not two logs"},
		{"log " + w.logs["events"].text + "\n", "", "not two logs"},
	} {
		bad := strings.Replace(good, c.old, c.new, 1)
		_, err := parsePolicy([]byte(bad))
		if bad == good || err == nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%q for %q: %v, and not %q", c.new, c.old, err, c.words)
		}
	}
}

func TestPolicySignatureRefusals(t *testing.T) {
	w := newWorld(t)
	kg, tr := w.nations["KG"], w.nations["TR"]
	with := func(words string, signer, issuer *holder) {
		t.Helper()
		files := w.files(nil)
		files["policy/policy.p7s"] = sign(t, files["policy/policy.txt"], signer, issuer, worldStart)
		mustRefuse(t, files, words)
	}
	with("is not the root of KG", tr.registrar, tr.root)
	with("is not the root of KG", w.members["kg.gpo/01"], kg.issuing)
	with("extended key usage", issue(t, leafTemplate("kg.gpo/09", purposeStatement), kg.root, nil), kg.root)
	with("alternative name", issue(t, leafTemplate("tr.moj/09", purposeRegistrar), kg.root, nil), kg.root)

	files := w.files(nil)
	files["policy/policy.p7s"] = sign(t, append(files["policy/policy.txt"], '\n'), kg.registrar, kg.root, worldStart)
	mustRefuse(t, files, "over another content")

	old := w.policy()
	w.policy = func() string { return strings.Replace(old, formatTime(worldStart), formatTime(worldStart-7200), 1) }
	mustRefuse(t, w.files(nil), "is not valid at")
}

func TestRootRefusals(t *testing.T) {
	w := newWorld(t)
	files := w.files(nil)
	files["roots/TR.pem"] = files["roots/KG.pem"]
	mustRefuse(t, files, "roots/TR.pem: Certificates: its country is")

	files = w.files(nil)
	files["roots/TR.pem"] = issue(t, caTemplate("TR", "root of TR", 1), nil, nil).pem()
	mustRefuse(t, files, "is not the policy's")

	files = w.files(nil)
	files["roots/UZ.pem"] = files["roots/KG.pem"]
	mustRefuse(t, files, "roots/UZ.pem: Evidence: no such file belongs here")

	files = w.files(nil)
	delete(files, "roots/TR.pem")
	mustRefuse(t, files, "roots/TR.pem: Evidence: the file is missing")

	shared := newWorld(t)
	shared.nations["TR"].root = issueFor(t, shared.nations["KG"].root.key, caTemplate("TR", "root of TR", 1), nil, nil)
	mustRefuse(t, shared.files(nil), "KG and TR have one key")
}

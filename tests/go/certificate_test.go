package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"strings"
	"testing"
	"time"
)

// judged parses a certificate again, as it would come in a folder, and holds it against the rules for all.
func judged(h *holder) (*certificate, error) { return newCertificate(h.cert.der) }

func requireError(t *testing.T, err error, words string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("%v, and not %q", err, words)
	}
}

func TestLeafProfile(t *testing.T) {
	n := newNation(t, "KG")
	const code = "kg.gpo/07"
	path := func(leaf *holder) error {
		c, err := judged(leaf)
		if err != nil {
			return err
		}
		return checkMemberPath(c, n.issuing.cert, n.root.cert, code, worldStart)
	}
	if err := path(issue(t, leafTemplate(code, purposeStatement), n.issuing, nil)); err != nil {
		t.Fatal(err)
	}
	extra := func(id asn1.ObjectIdentifier, critical bool) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: id, Critical: critical, Value: []byte{5, 0}}}
		}
	}
	for _, c := range []struct {
		words  string
		change func(*x509.Certificate)
	}{
		{"is a CA's", func(c *x509.Certificate) { c.IsCA = true }},
		{"key usage is not digitalSignature", func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageContentCommitment }},
		{"key usage is not digitalSignature", func(c *x509.Certificate) { c.KeyUsage = 0 }},
		{"extended key usage", func(c *x509.Certificate) { c.UnknownExtKeyUsage = []asn1.ObjectIdentifier{purposeRegistrar} }},
		{"extended key usage", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }},
		{"extended key usage", func(c *x509.Certificate) { c.UnknownExtKeyUsage = nil }},
		{"alternative name", func(c *x509.Certificate) { c.URIs = leafTemplate("kg.gpo/08", purposeStatement).URIs }},
		{"alternative name", func(c *x509.Certificate) { c.DNSNames = []string{"kg.example"} }},
		{"alternative name", func(c *x509.Certificate) { c.URIs = nil }},
		{"subject", func(c *x509.Certificate) { c.Subject.CommonName = "kg.gpo/08" }},
		{"subject", func(c *x509.Certificate) { c.Subject.Country = []string{"TR"} }},
		{"subject", func(c *x509.Certificate) { c.Subject.Organization = []string{"more"} }},
		{"is not valid at", func(c *x509.Certificate) { c.NotAfter = time.Unix(worldStart-1, 0) }},
		{"is not valid at", func(c *x509.Certificate) { c.NotBefore = time.Unix(worldStart+1, 0) }},
		{"is unknown", extra(asn1.ObjectIdentifier{1, 2, 3}, true)},
		{"longer than", func(c *x509.Certificate) { c.Subject.Organization = []string{strings.Repeat("x", 1800)} }},
		{"ecdsa-with-SHA256", func(c *x509.Certificate) { c.SignatureAlgorithm = x509.ECDSAWithSHA384 }},
	} {
		requireError(t, path(issue(t, leafTemplate(code, purposeStatement), n.issuing, c.change)), c.words)
	}
	if err := path(issue(t, leafTemplate(code, purposeStatement), n.issuing, extra(asn1.ObjectIdentifier{1, 2, 3}, false))); err != nil {
		t.Errorf("an unknown extension that is not critical: %v", err)
	}
	requireError(t, path(issue(t, leafTemplate(code, purposeStatement), n.root, nil)), "names another issuer")
}

func TestAuthorityProfile(t *testing.T) {
	n := newNation(t, "KG")
	leaf := func(issuing *holder) *certificate {
		return issue(t, leafTemplate("kg.gpo/07", purposeStatement), issuing, nil).cert
	}
	for _, c := range []struct {
		words  string
		change func(*x509.Certificate)
	}{
		{"path length 0", func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = 1, false }},
		{"path length 0", func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = -1, false }},
		{"key usage", func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageDigitalSignature }},
		{"key usage", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCertSign }},
		{"extended key usage", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }},
		{"alternative name", func(c *x509.Certificate) { c.DNSNames = []string{"ca.example"} }},
		{"its country", func(c *x509.Certificate) { c.Subject.Country = []string{"TR"} }},
		{"0 countries", func(c *x509.Certificate) { c.Subject.Country = nil }},
		{"2 countries", func(c *x509.Certificate) {
			c.Subject.ExtraNames = []pkix.AttributeTypeAndValue{{Type: oidCountryName, Value: "KG"}, {Type: oidCountryName, Value: "KG"}}
			c.Subject.Country = nil
		}},
		{"is not valid at", func(c *x509.Certificate) { c.NotAfter = time.Unix(worldStart-1, 0) }},
	} {
		issuing := issue(t, caTemplate("KG", "issuing CA", 0), n.root, c.change)
		requireError(t, checkMemberPath(leaf(issuing), issuing.cert, n.root.cert, "kg.gpo/07", worldStart), c.words)
	}
	other := newNation(t, "KG")
	requireError(t, checkMemberPath(leaf(other.issuing), other.issuing.cert, n.root.cert, "kg.gpo/07", worldStart), "does not verify")
	requireError(t, n.issuing.cert.checkRoot("KG"), "path length 1")
	below := issue(t, caTemplate("KG", "not self-signed", 1), n.root, nil)
	requireError(t, below.cert.checkRoot("KG"), "names another issuer")
	old := issue(t, caTemplate("KG", "root of KG", 1), nil, func(c *x509.Certificate) { c.NotAfter = time.Unix(worldStart-1, 0) })
	issuing := issue(t, caTemplate("KG", "issuing CA", 0), old, nil)
	requireError(t, checkMemberPath(leaf(issuing), issuing.cert, old.cert, "kg.gpo/07", worldStart), "is not valid at")
}

func TestPEMSpelling(t *testing.T) {
	h := newNation(t, "KG").root
	good := h.pem()
	if _, err := certificateFromPEM(good); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string][]byte{
		"text in front": append([]byte("root\n"), good...),
		"twice":         append(append([]byte{}, good...), good...),
		"no last LF":    bytes.TrimSuffix(good, []byte("\n")),
		"CR LF":         bytes.ReplaceAll(good, []byte("\n"), []byte("\r\n")),
		"another label": bytes.ReplaceAll(good, []byte("CERTIFICATE"), []byte("X509 CERTIFICATE")),
	} {
		if _, err := certificateFromPEM(bad); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestSignatureEncoding(t *testing.T) {
	n := newNation(t, "KG")
	signer := issue(t, leafTemplate("kg.gpo/07", purposeStatement), n.issuing, nil)
	content := []byte("content\n")
	good := sign(t, content, signer, n.issuing, worldStart)
	read := func(raw []byte) error {
		c, err := parseCMS(raw)
		if err != nil {
			return err
		}
		return c.verify(content)
	}
	if err := read(good); err != nil {
		t.Fatal(err)
	}
	high := &cms{signer: signer.cert, issuer: n.issuing.cert, content: sha256.Sum256(content), signingTime: worldStart}
	requireError(t, read(encodeSigned(t, high, signer.key, false)), "greater than n/2")
	requireError(t, read(append(append([]byte{}, good...), 0)), "no CMS")
	requireError(t, read(sign(t, []byte("other\n"), signer, n.issuing, worldStart)), "another content")
	stranger := issue(t, leafTemplate("kg.gpo/07", purposeStatement), n.issuing, nil)
	requireError(t, read(sign(t, content, &holder{signer.cert, stranger.key}, n.issuing, worldStart)), "does not verify")
	for i := range good {
		bad := append([]byte{}, good...)
		bad[i] ^= 1
		if c, err := parseCMS(bad); err == nil && c.verify(content) == nil && c.signer.fingerprint == signer.cert.fingerprint &&
			c.issuer.fingerprint == n.issuing.cert.fingerprint {
			t.Errorf("byte %d of the signature can be changed", i)
		}
	}
}

// Other encodings of the same meaning are refused: each is built by hand from the good one.
func TestOtherEncodingsAreRefused(t *testing.T) {
	n := newNation(t, "KG")
	signer := issue(t, leafTemplate("kg.gpo/07", purposeStatement), n.issuing, nil)
	good := sign(t, []byte("content\n"), signer, n.issuing, worldStart)
	c, err := parseCMS(good)
	if err != nil {
		t.Fatal(err)
	}
	swap := func(old, new []byte) []byte {
		if !bytes.Contains(good, old) {
			t.Fatal("the part is not there")
		}
		return bytes.Replace(good, old, new, 1)
	}
	one, two := signer.cert.der, n.issuing.cert.der
	if bytes.Compare(one, two) > 0 {
		one, two = two, one
	}
	requireError(t, second(parseCMS(swap(append(append([]byte{}, one...), two...), append(append([]byte{}, two...), one...)))), "one encoding")
	// The rest is signed properly, and still refused.
	other := func(attributes []byte) {
		t.Helper()
		changed := *c
		changed.attributes = attributes
		sum := sha256.Sum256(attributes)
		r, s, err := ecdsa.Sign(rand.Reader, signer.key, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		if s.Cmp(halfOrder) > 0 {
			s.Sub(elliptic.P256().Params().N, s)
		}
		changed.signature, _ = asn1.Marshal(ecdsaSignature{r, s})
		requireError(t, second(parseCMS(changed.encode())), "one encoding")
	}
	parts := splitDER(t, c.attributes)
	other(der(0x31, parts[1], parts[0], parts[2], parts[3]))                                 // not in DER's order
	other(der(0x31, parts[0], parts[1], parts[2]))                                           // no signingCertificateV2
	other(der(0x31, append(parts, der(0x30, []byte{6, 1, 42}, der(0x31, []byte{5, 0})))...)) // one more
	long := der(0x30, nameSigningTime, der(0x31, der(0x18, []byte("20260921133320Z"))))      // GeneralizedTime before 2050
	other(derSet(0x31, parts[0], long, parts[2], parts[3]))
	hash := der(0x04, c.signer.fingerprint[:])
	bare := der(0x30, nameSigningCert, der(0x31, der(0x30, der(0x30, der(0x30, hash))))) // no issuerSerial
	other(derSet(0x31, parts[0], parts[1], parts[2], bare))
	positive, _ := asn1.Marshal(ecdsaSignature{big.NewInt(1), new(big.Int).Add(elliptic.P256().Params().N, big.NewInt(1))})
	c.signature = positive
	requireError(t, c.verify([]byte("content\n")), "does not verify")
}

func second(_ *cms, err error) error { return err }

// splitDER parts what is inside a SET.
func splitDER(t *testing.T, set []byte) [][]byte {
	var outer asn1.RawValue
	if _, err := asn1.Unmarshal(set, &outer); err != nil {
		t.Fatal(err)
	}
	var parts [][]byte
	for rest := outer.Bytes; len(rest) > 0; {
		var one asn1.RawValue
		var err error
		if rest, err = asn1.Unmarshal(rest, &one); err != nil {
			t.Fatal(err)
		}
		parts = append(parts, one.FullBytes)
	}
	return parts
}

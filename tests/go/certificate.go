package main

// "Certificates" in PROTOCOL.md: reading certificates, and the rules that all of them keep.

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
)

const maxCertificate = 2048

// A certificate as it came, and parsed.
type certificate struct {
	der         []byte
	parsed      *x509.Certificate
	key         *ecdsa.PublicKey
	fingerprint digest
}

var (
	oidSubjectKeyID     = asn1.ObjectIdentifier{2, 5, 29, 14}
	oidKeyUsage         = asn1.ObjectIdentifier{2, 5, 29, 15}
	oidAlternativeName  = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidBasicConstraints = asn1.ObjectIdentifier{2, 5, 29, 19}
	oidAuthorityKeyID   = asn1.ObjectIdentifier{2, 5, 29, 35}
	oidExtendedKeyUsage = asn1.ObjectIdentifier{2, 5, 29, 37}

	knownExtensions = []asn1.ObjectIdentifier{oidSubjectKeyID, oidKeyUsage, oidAlternativeName, oidBasicConstraints,
		oidAuthorityKeyID, oidExtendedKeyUsage}

	// AlgorithmIdentifier of ecdsa-with-SHA256, without parameters.
	algorithmECDSA = []byte{0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02}
	// SubjectPublicKeyInfo of a P-256 key up to and with the byte that says "uncompressed".
	prefixP256 = []byte{0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
		0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04}
)

// certificateFromPEM reads a file with one certificate, in the spelling of RFC 7468, and nothing else.
func certificateFromPEM(file []byte) (*certificate, error) {
	block, rest := pem.Decode(file)
	if block == nil || block.Type != "CERTIFICATE" || len(rest) > 0 || len(block.Headers) > 0 {
		return nil, errors.New("it is not one certificate in PEM")
	}
	if !bytes.Equal(pem.EncodeToMemory(block), file) {
		return nil, errors.New("its PEM is not in its one spelling")
	}
	return newCertificate(block.Bytes)
}

// newCertificate parses a certificate and holds it against the rules for all certificates.
func newCertificate(der []byte) (*certificate, error) {
	if len(der) > maxCertificate {
		return nil, fmt.Errorf("the certificate is longer than %d bytes", maxCertificate)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	c := &certificate{der: der, parsed: parsed, fingerprint: sha256.Sum256(der)}
	if err := c.checkShape(); err != nil {
		return nil, err
	}
	return c, c.checkExtensions()
}

// outerCertificate and innerCertificate are as much of RFC 5280's structures as the algorithms need.
type outerCertificate struct {
	TBS       asn1.RawValue
	Algorithm asn1.RawValue
	Signature asn1.BitString
}

func (c *certificate) checkShape() error {
	if c.parsed.Version != 3 {
		return errors.New("the certificate is not X.509 v3")
	}
	var outer outerCertificate
	if rest, err := asn1.Unmarshal(c.der, &outer); err != nil || len(rest) > 0 {
		return errors.New("the certificate is not DER")
	}
	// Written again from what was read of it, it must be the same bytes: so the outer lengths are DER.
	if again, err := asn1.Marshal(outer); err != nil || !bytes.Equal(again, c.der) {
		return errors.New("the certificate is not DER")
	}
	if !bytes.Equal(outer.Algorithm.FullBytes, algorithmECDSA) || c.parsed.SignatureAlgorithm != x509.ECDSAWithSHA256 {
		return errors.New("the certificate is not signed with ecdsa-with-SHA256")
	}
	key, isECDSA := c.parsed.PublicKey.(*ecdsa.PublicKey)
	spki := c.parsed.RawSubjectPublicKeyInfo
	if !isECDSA || key.Curve != elliptic.P256() || !bytes.HasPrefix(spki, prefixP256) || len(spki) != len(prefixP256)+64 {
		return errors.New("the key is not an uncompressed point on P-256")
	}
	c.key = key
	return nil
}

func (c *certificate) checkExtensions() error {
	once := map[string]bool{}
	for _, extension := range c.parsed.Extensions {
		id := extension.Id.String()
		if once[id] {
			return fmt.Errorf("extension %s stands twice", id)
		}
		once[id] = true
		if extension.Critical && !isKnownExtension(extension.Id) {
			return fmt.Errorf("critical extension %s is unknown", id)
		}
	}
	return nil
}

func isKnownExtension(id asn1.ObjectIdentifier) bool {
	for _, known := range knownExtensions {
		if known.Equal(id) {
			return true
		}
	}
	return false
}

// extension is the value of an extension, or nil if it is not there.
func (c *certificate) extension(id asn1.ObjectIdentifier) []byte {
	for _, extension := range c.parsed.Extensions {
		if extension.Id.Equal(id) {
			return extension.Value
		}
	}
	return nil
}

// signedBy says whether the issuer's name and key are those that made this certificate.
func (c *certificate) signedBy(issuer *certificate) error {
	if !bytes.Equal(c.parsed.RawIssuer, issuer.parsed.RawSubject) {
		return errors.New("the certificate names another issuer")
	}
	sum := sha256.Sum256(c.parsed.RawTBSCertificate)
	if _, err := verifyECDSA(issuer.key, sum, c.parsed.Signature); err != nil {
		return fmt.Errorf("the issuer's signature in the certificate: %v", err)
	}
	return nil
}

// validAt is to the second, both ends included (RFC 5280, section 4.1.2.5).
func (c *certificate) validAt(seconds int64) error {
	if seconds < c.parsed.NotBefore.Unix() || seconds > c.parsed.NotAfter.Unix() {
		return fmt.Errorf("the certificate of %q is not valid at %s", c.parsed.Subject.CommonName, formatTime(seconds))
	}
	return nil
}

type ecdsaSignature struct{ R, S *big.Int }

// verifyECDSA takes a signature only in DER's one encoding; it answers with s, for those who want it low.
func verifyECDSA(key *ecdsa.PublicKey, sum digest, signature []byte) (*big.Int, error) {
	var parts ecdsaSignature
	if rest, err := asn1.Unmarshal(signature, &parts); err != nil || len(rest) > 0 {
		return nil, errors.New("it is not DER")
	}
	if again, err := asn1.Marshal(parts); err != nil || !bytes.Equal(again, signature) {
		return nil, errors.New("it is not DER")
	}
	if !ecdsa.Verify(key, sum[:], parts.R, parts.S) {
		return nil, errors.New("it does not verify")
	}
	return parts.S, nil
}

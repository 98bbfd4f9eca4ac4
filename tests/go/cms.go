package main

// "Signatures" in PROTOCOL.md: CAdES-B-B in its one encoding. The parts that may differ are read leniently; then the
// whole is built again from them, with DER's rules, and must be the same bytes.

import (
	"bytes"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"sort"
	"time"
)

const maxSignature = 8 << 10

// A cms is what a signature says beside the content's digest.
type cms struct {
	signer, issuer *certificate
	content        digest // the digest that was signed
	signingTime    int64
	signature      []byte
	attributes     []byte // the signed attributes as a SET
}

// These are RFC 5652's structures, as far as they may occur here.
type contentInfo struct {
	Type    asn1.ObjectIdentifier
	Content asn1.RawValue `asn1:"explicit,tag:0"`
}

type signedData struct {
	Version      int
	Digests      asn1.RawValue
	Content      asn1.RawValue
	Certificates asn1.RawValue `asn1:"tag:0"`
	SignerInfos  []signerInfo  `asn1:"set"`
}

type issuerAndSerial struct {
	Issuer asn1.RawValue
	Serial *big.Int
}

type signerInfo struct {
	Version    int
	SID        issuerAndSerial
	Digest     asn1.RawValue
	Attributes asn1.RawValue `asn1:"tag:0"`
	Algorithm  asn1.RawValue
	Signature  []byte
}

type signedAttribute struct {
	Type   asn1.ObjectIdentifier
	Values []asn1.RawValue `asn1:"set"`
}

var (
	oidSigningTime   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 5}
	oidMessageDigest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}

	contentOfSignedData = []byte{0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02}
	contentOfData       = []byte{0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01}
	nameContentType     = []byte{0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x03}
	nameMessageDigest   = []byte{0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04}
	nameSigningTime     = []byte{0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x05}
	nameSigningCert     = []byte{0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x02, 0x2f}
	algorithmSHA256     = []byte{0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01}
	integerOne          = []byte{0x02, 0x01, 0x01}

	// Half of the order of P-256: s must not be greater.
	halfOrder, _ = new(big.Int).SetString("7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8", 16)
)

// der writes a tag, a length in its shortest form and the parts.
func der(tag byte, parts ...[]byte) []byte {
	body := bytes.Join(parts, nil)
	header := []byte{tag}
	switch n := len(body); {
	case n < 0x80:
		header = append(header, byte(n))
	case n < 0x100:
		header = append(header, 0x81, byte(n))
	case n < 0x10000:
		header = append(header, 0x82, byte(n>>8), byte(n))
	default:
		header = append(header, 0x83, byte(n>>16), byte(n>>8), byte(n))
	}
	return append(header, body...)
}

// derSet writes a SET OF in DER's order, which is that of the encodings.
func derSet(tag byte, members ...[]byte) []byte {
	sorted := append([][]byte{}, members...)
	sort.Slice(sorted, func(i, j int) bool { return bytes.Compare(sorted[i], sorted[j]) < 0 })
	return der(tag, sorted...)
}

// parseCMS reads a signature. It holds over the content only after verify.
func parseCMS(raw []byte) (*cms, error) {
	if len(raw) > maxSignature {
		return nil, fmt.Errorf("it is longer than %d bytes", maxSignature)
	}
	var outer contentInfo
	if rest, err := asn1.Unmarshal(raw, &outer); err != nil || len(rest) > 0 {
		return nil, errors.New("it is no CMS in DER")
	}
	var data signedData
	if rest, err := asn1.Unmarshal(outer.Content.Bytes, &data); err != nil || len(rest) > 0 {
		return nil, errors.New("it is no SignedData in DER")
	}
	if len(data.SignerInfos) != 1 {
		return nil, fmt.Errorf("it has %d signers", len(data.SignerInfos))
	}
	info := data.SignerInfos[0]
	c := &cms{signature: info.Signature}
	if err := c.takeCertificates(data.Certificates.Bytes, info.SID); err != nil {
		return nil, err
	}
	if err := c.takeAttributes(info.Attributes.Bytes); err != nil {
		return nil, err
	}
	if !bytes.Equal(c.encode(), raw) {
		return nil, errors.New("it is not in its one encoding")
	}
	return c, nil
}

// takeCertificates finds the signer's certificate, which sid names; the other one is the issuer's.
func (c *cms) takeCertificates(raw []byte, sid issuerAndSerial) error {
	for count := 0; len(raw) > 0; count++ {
		var one asn1.RawValue
		rest, err := asn1.Unmarshal(raw, &one)
		if err != nil || count == 2 {
			return errors.New("it does not hold exactly two certificates")
		}
		raw = rest
		parsed, err := newCertificate(one.FullBytes)
		if err != nil {
			return err
		}
		if bytes.Equal(parsed.parsed.RawIssuer, sid.Issuer.FullBytes) && parsed.parsed.SerialNumber.Cmp(sid.Serial) == 0 {
			c.signer = parsed
		} else {
			c.issuer = parsed
		}
	}
	if c.signer == nil || c.issuer == nil {
		return errors.New("it does not hold the signer's and the issuer's certificate")
	}
	return nil
}

// takeAttributes reads the two attributes whose values are not known yet: digest and signing time.
func (c *cms) takeAttributes(raw []byte) error {
	for len(raw) > 0 {
		var one signedAttribute
		rest, err := asn1.Unmarshal(raw, &one)
		if err != nil || len(one.Values) != 1 {
			return errors.New("its signed attributes are malformed")
		}
		raw = rest
		value := one.Values[0]
		switch {
		case one.Type.Equal(oidMessageDigest) && len(value.Bytes) == len(c.content):
			copy(c.content[:], value.Bytes)
		case one.Type.Equal(oidSigningTime):
			var t time.Time
			if _, err := asn1.Unmarshal(value.FullBytes, &t); err != nil {
				return errors.New("its signing time is malformed")
			}
			c.signingTime = t.Unix()
		}
	}
	c.attributes = c.encodeAttributes()
	return nil
}

// encodeTime is RFC 5652's: UTCTime from 1950 to 2049, GeneralizedTime otherwise.
func encodeTime(seconds int64) []byte {
	t := time.Unix(seconds, 0).UTC()
	if t.Year() >= 1950 && t.Year() < 2050 {
		return der(0x17, []byte(t.Format("060102150405Z")))
	}
	return der(0x18, []byte(t.Format("20060102150405Z")))
}

// encodeAttributes writes the SET of the four signed attributes that the values found so far make.
func (c *cms) encodeAttributes() []byte {
	serial, _ := asn1.Marshal(c.signer.parsed.SerialNumber)
	issuerSerial := der(0x30, der(0x30, der(0xa4, c.signer.parsed.RawIssuer)), serial)
	certificateID := der(0x30, der(0x04, c.signer.fingerprint[:]), issuerSerial)
	one := func(name, value []byte) []byte { return der(0x30, name, der(0x31, value)) }
	return derSet(0x31,
		one(nameContentType, contentOfData),
		one(nameSigningTime, encodeTime(c.signingTime)),
		one(nameMessageDigest, der(0x04, c.content[:])),
		one(nameSigningCert, der(0x30, der(0x30, certificateID))))
}

// encode writes the whole CMS.
func (c *cms) encode() []byte {
	serial, _ := asn1.Marshal(c.signer.parsed.SerialNumber)
	implicit := append([]byte{0xa0}, c.attributes[1:]...)
	info := der(0x30, integerOne, der(0x30, c.signer.parsed.RawIssuer, serial), algorithmSHA256, implicit,
		algorithmECDSA, der(0x04, c.signature))
	data := der(0x30, integerOne, der(0x31, algorithmSHA256), der(0x30, contentOfData),
		derSet(0xa0, c.signer.der, c.issuer.der), der(0x31, info))
	return der(0x30, contentOfSignedData, der(0xa0, data))
}

// verify says whether the signer signed that content, with s at most n/2.
func (c *cms) verify(content []byte) error {
	if c.content != sha256.Sum256(content) {
		return errors.New("the signature is over another content")
	}
	s, err := verifyECDSA(c.signer.key, sha256.Sum256(c.attributes), c.signature)
	if err != nil {
		return fmt.Errorf("the signature: %v", err)
	}
	if s.Cmp(halfOrder) > 0 {
		return errors.New("the signature's s is greater than n/2")
	}
	return nil
}

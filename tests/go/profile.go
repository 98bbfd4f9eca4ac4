package main

// "Certificates" in PROTOCOL.md: the profiles of roots, issuing CAs and leaves, and the path from leaf to root.

import (
	"bytes"
	"encoding/asn1"
	"errors"
	"fmt"
)

var (
	usageOfCA   = []byte{0x03, 0x02, 0x01, 0x06} // keyCertSign, cRLSign
	usageOfLeaf = []byte{0x03, 0x02, 0x07, 0x80} // digitalSignature
	noCA        = []byte{0x30, 0x00}

	purposeStatement = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 32473, 4713, 1}
	purposeRegistrar = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 32473, 4713, 2}

	oidCommonName  = asn1.ObjectIdentifier{2, 5, 4, 3}
	oidCountryName = asn1.ObjectIdentifier{2, 5, 4, 6}
)

func constraintsOfCA(pathLength byte) []byte {
	return []byte{0x30, 0x06, 0x01, 0x01, 0xff, 0x02, 0x01, pathLength}
}

// An attribute of a name.
type attribute struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}

type attributeSET []attribute

// subject parts the subject into its attributes; a part with several attributes is none of ours.
func (c *certificate) subject() ([]attribute, error) {
	var parts []attributeSET
	if rest, err := asn1.Unmarshal(c.parsed.RawSubject, &parts); err != nil || len(rest) > 0 {
		return nil, errors.New("the subject is malformed")
	}
	var all []attribute
	for _, part := range parts {
		if len(part) != 1 {
			return nil, errors.New("a part of the subject has several attributes")
		}
		all = append(all, part[0])
	}
	return all, nil
}

// text is the value of an attribute that is a PrintableString or a UTF8String.
func (a attribute) text() string {
	if a.Value.Class != asn1.ClassUniversal || (a.Value.Tag != asn1.TagPrintableString && a.Value.Tag != asn1.TagUTF8String) {
		return ""
	}
	return string(a.Value.Bytes)
}

func (c *certificate) checkCA(state string, pathLength byte) error {
	if !bytes.Equal(c.extension(oidBasicConstraints), constraintsOfCA(pathLength)) {
		return fmt.Errorf("it is not a CA with path length %d", pathLength)
	}
	if !bytes.Equal(c.extension(oidKeyUsage), usageOfCA) {
		return errors.New("its key usage is not keyCertSign and cRLSign")
	}
	if c.extension(oidExtendedKeyUsage) != nil || c.extension(oidAlternativeName) != nil {
		return errors.New("a CA has an extended key usage or an alternative name")
	}
	attributes, err := c.subject()
	if err != nil {
		return err
	}
	countries := 0
	for _, a := range attributes {
		if a.Type.Equal(oidCountryName) {
			countries++
			if a.text() != state {
				return fmt.Errorf("its country is %q and not %q", a.text(), state)
			}
		}
	}
	if countries != 1 {
		return fmt.Errorf("it has %d countries", countries)
	}
	return nil
}

// checkRoot is for a state's root: the CA profile, and self-signed.
func (c *certificate) checkRoot(state string) error {
	if err := c.checkCA(state, 1); err != nil {
		return err
	}
	return c.signedBy(c)
}

// checkLeaf is for the certificate of the member or registrar with that code.
func (c *certificate) checkLeaf(code string, purpose asn1.ObjectIdentifier) error {
	if value := c.extension(oidBasicConstraints); value != nil && !bytes.Equal(value, noCA) {
		return errors.New("the certificate is a CA's")
	}
	if !bytes.Equal(c.extension(oidKeyUsage), usageOfLeaf) {
		return errors.New("the certificate's key usage is not digitalSignature")
	}
	if wanted, err := asn1.Marshal([]asn1.ObjectIdentifier{purpose}); err != nil || !bytes.Equal(c.extension(oidExtendedKeyUsage), wanted) {
		return fmt.Errorf("the certificate's extended key usage is not exactly %s", purpose)
	}
	name := "elchi:" + code
	wanted := append([]byte{0x30, byte(len(name) + 2), 0x86, byte(len(name))}, name...)
	if len(name) > 125 || !bytes.Equal(c.extension(oidAlternativeName), wanted) {
		return fmt.Errorf("the certificate's alternative name is not exactly the URI %s", name)
	}
	return c.checkLeafSubject(code)
}

func (c *certificate) checkLeafSubject(code string) error {
	attributes, err := c.subject()
	if err != nil {
		return err
	}
	found := map[string]string{}
	for _, a := range attributes {
		found[a.Type.String()] = a.text()
	}
	if len(attributes) != 2 || found[oidCommonName.String()] != code || found[oidCountryName.String()] != stateOf(code) {
		return fmt.Errorf("the certificate's subject is not exactly %s and %s", code, stateOf(code))
	}
	return nil
}

// checkMemberPath: statement certificate, issuing CA and root, all valid at that time.
func checkMemberPath(leaf, issuing, root *certificate, code string, seconds int64) error {
	if err := leaf.checkLeaf(code, purposeStatement); err != nil {
		return err
	}
	if err := issuing.checkCA(stateOf(code), 0); err != nil {
		return fmt.Errorf("the issuing CA: %v", err)
	}
	if err := issuing.signedBy(root); err != nil {
		return fmt.Errorf("the issuing CA: %v", err)
	}
	return checkSignedAndValid(leaf, issuing, seconds, leaf, issuing, root)
}

// checkRegistrarPath: registrar certificate and root, both valid at that time.
func checkRegistrarPath(leaf, root *certificate, code string, seconds int64) error {
	if err := leaf.checkLeaf(code, purposeRegistrar); err != nil {
		return err
	}
	return checkSignedAndValid(leaf, root, seconds, leaf, root)
}

func checkSignedAndValid(leaf, issuer *certificate, seconds int64, path ...*certificate) error {
	if err := leaf.signedBy(issuer); err != nil {
		return err
	}
	for _, c := range path {
		if err := c.validAt(seconds); err != nil {
			return err
		}
	}
	return nil
}

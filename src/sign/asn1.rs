//! The structures of RFC 5652 and RFC 5035 of which a detached signature is made.
//!
//! Sets are kept as the bytes they came in: der's own set types sort silently while they decode.

use const_oid::ObjectIdentifier;
use der::asn1::{AnyRef, OctetStringRef};
use der::{DecodeValue, Encode, EncodeValue, FixedTag, Header, Length, Reader, Sequence, SliceReader, Tag, Writer};
use spki::AlgorithmIdentifierRef;

use super::certificate::Certificate;

/// The contents of a SET OF, in the order in which they stand.
#[derive(Clone, Copy)]
pub(super) struct RawSet<'a>(pub(super) &'a [u8]);

impl<'a> RawSet<'a> {
    /// Each member, with its tag and length.
    pub(super) fn members(self) -> der::Result<Vec<&'a [u8]>> {
        let mut reader = SliceReader::new(self.0)?;
        let mut members = Vec::new();
        while !reader.is_finished() {
            members.push(reader.tlv_bytes()?);
        }
        Ok(members)
    }
}

impl FixedTag for RawSet<'_> {
    const TAG: Tag = Tag::Set;
}

impl<'a> DecodeValue<'a> for RawSet<'a> {
    type Error = der::Error;
    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        reader.read_slice(header.length()).map(Self)
    }
}

impl EncodeValue for RawSet<'_> {
    fn value_len(&self) -> der::Result<Length> {
        Length::try_from(self.0.len())
    }
    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        writer.write(self.0)
    }
}

/// The contents of a SET OF in the order of DER (X.690, section 11.6).
pub(super) fn sorted_set(mut members: Vec<Vec<u8>>) -> Vec<u8> {
    members.sort();
    members.concat()
}

/// ContentInfo (RFC 5652, section 3).
#[derive(Sequence)]
pub(super) struct ContentInfo<'a> {
    pub(super) content_type: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    pub(super) content: AnyRef<'a>,
}

/// SignedData (RFC 5652, section 5.1).
#[derive(Sequence)]
pub(super) struct SignedData<'a> {
    pub(super) version: u8,
    pub(super) digest_algorithms: RawSet<'a>,
    pub(super) content: EncapsulatedContent<'a>,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    pub(super) certificates: Option<RawSet<'a>>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    pub(super) revocation_lists: Option<RawSet<'a>>,
    pub(super) signer_infos: RawSet<'a>,
}

/// EncapsulatedContentInfo (RFC 5652, section 5.2).
#[derive(Sequence)]
pub(super) struct EncapsulatedContent<'a> {
    pub(super) content_type: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub(super) content: Option<AnyRef<'a>>,
}

/// SignerInfo (RFC 5652, section 5.3).
#[derive(Sequence)]
pub(super) struct SignerInfo<'a> {
    pub(super) version: u8,
    pub(super) sid: AnyRef<'a>,
    pub(super) digest_algorithm: AlgorithmIdentifierRef<'a>,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    pub(super) signed_attributes: Option<RawSet<'a>>,
    pub(super) signature_algorithm: AlgorithmIdentifierRef<'a>,
    pub(super) signature: &'a OctetStringRef,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    pub(super) unsigned_attributes: Option<RawSet<'a>>,
}

/// IssuerAndSerialNumber (RFC 5652, section 10.2.4).
#[derive(Sequence)]
pub(super) struct IssuerAndSerial<'a> {
    issuer: AnyRef<'a>,
    serial: AnyRef<'a>,
}

impl<'a> IssuerAndSerial<'a> {
    pub(super) fn of(certificate: &'a Certificate) -> der::Result<Self> {
        let serial = AnyRef::new(Tag::Integer, certificate.serial())?;
        Ok(Self { issuer: AnyRef::try_from(certificate.issuer_der())?, serial })
    }
}

/// Attribute (RFC 5652, section 5.3).
#[derive(Sequence)]
pub(super) struct Attribute<'a> {
    pub(super) oid: ObjectIdentifier,
    pub(super) values: RawSet<'a>,
}

/// SigningCertificateV2 (RFC 5035, section 3), of one certificate and no policies.
#[derive(Sequence)]
struct SigningCertificateV2<'a> {
    certificates: OneEssCertId<'a>,
}

/// SEQUENCE OF ESSCertIDv2, of one.
#[derive(Sequence)]
struct OneEssCertId<'a> {
    only: EssCertIdV2<'a>,
}

/// ESSCertIDv2 (RFC 5035, section 4). The hash algorithm is SHA-256, the default, so DER leaves it out.
#[derive(Sequence)]
struct EssCertIdV2<'a> {
    certificate_sha256: &'a OctetStringRef,
    issuer_serial: IssuerSerial<'a>,
}

/// IssuerSerial (RFC 5035, section 4).
#[derive(Sequence)]
struct IssuerSerial<'a> {
    issuer: OneDirectoryName<'a>,
    serial: AnyRef<'a>,
}

/// GeneralNames of one directoryName (RFC 5280, section 4.2.1.6).
#[derive(Sequence)]
struct OneDirectoryName<'a> {
    #[asn1(context_specific = "4", tag_mode = "EXPLICIT")]
    only: AnyRef<'a>,
}

/// The value of the signing-certificate-v2 attribute that names `certificate`.
pub(super) fn signing_certificate_v2(certificate: &Certificate) -> der::Result<Vec<u8>> {
    let IssuerAndSerial { issuer, serial } = IssuerAndSerial::of(certificate)?;
    let sha256 = certificate.certificate_sha256();
    let only = EssCertIdV2 {
        certificate_sha256: OctetStringRef::new(sha256.as_bytes())?,
        issuer_serial: IssuerSerial { issuer: OneDirectoryName { only: issuer }, serial },
    };
    SigningCertificateV2 { certificates: OneEssCertId { only } }.to_der()
}

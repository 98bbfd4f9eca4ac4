//! The extensions of a certificate that are understood here (RFC 5280, section 4.2.1).

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::{ID_CE_BASIC_CONSTRAINTS, ID_CE_EXT_KEY_USAGE, ID_CE_KEY_USAGE, ID_CE_SUBJECT_ALT_NAME};
use der::{Decode, Encode};
use x509_cert::TbsCertificate;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralNames;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage};

use super::certificate::CertificateRefused;

/// What a certificate's extensions say. Those that are neither critical nor listed here restrict nothing and
/// are passed over.
#[derive(Default)]
pub(super) struct Extensions {
    pub(super) basic_constraints: Option<BasicConstraints>,
    pub(super) key_usage: Option<KeyUsage>,
    pub(super) extended_key_usages: Vec<ObjectIdentifier>,
    pub(super) alt_names: GeneralNames,
}

impl Extensions {
    pub(super) fn parse(tbs: &TbsCertificate) -> Result<Self, CertificateRefused> {
        let all = tbs.extensions().map(Vec::as_slice).unwrap_or_default();
        let mut found = Self::default();
        for (at, extension) in all.iter().enumerate() {
            if all[..at].iter().any(|earlier| earlier.extn_id == extension.extn_id) {
                return Err(CertificateRefused::DuplicateExtension(extension.extn_id));
            }
            found.take(extension)?;
        }
        Ok(found)
    }

    fn take(&mut self, extension: &Extension) -> Result<(), CertificateRefused> {
        match extension.extn_id {
            ID_CE_BASIC_CONSTRAINTS => self.basic_constraints = Some(basic_constraints(extension)?),
            ID_CE_KEY_USAGE => self.key_usage = Some(decode(extension, "keyUsage")?),
            ID_CE_EXT_KEY_USAGE => {
                self.extended_key_usages = decode::<ExtendedKeyUsage>(extension, "extKeyUsage")?.0;
                require(!self.extended_key_usages.is_empty(), "extKeyUsage is empty (4.2.1.12)")?;
            }
            ID_CE_SUBJECT_ALT_NAME => {
                self.alt_names = decode(extension, "subjectAltName")?;
                require(!self.alt_names.is_empty(), "subjectAltName is empty (4.2.1.6)")?;
            }
            unknown if extension.critical => return Err(CertificateRefused::UnknownCriticalExtension(unknown)),
            _ => {}
        }
        Ok(())
    }
}

pub(super) fn require(holds: bool, rule: &'static str) -> Result<(), CertificateRefused> {
    if holds { Ok(()) } else { Err(CertificateRefused::Rule(rule)) }
}

fn basic_constraints(extension: &Extension) -> Result<BasicConstraints, CertificateRefused> {
    let constraints: BasicConstraints = decode(extension, "basicConstraints")?;
    require(!constraints.ca || extension.critical, "basicConstraints of a CA is not critical (4.2.1.9)")?;
    require(constraints.ca || constraints.path_len_constraint.is_none(), "only a CA has a path length (4.2.1.9)")?;
    Ok(constraints)
}

fn decode<T: for<'a> Decode<'a, Error = der::Error> + Encode>(extension: &Extension, what: &'static str) -> Result<T, CertificateRefused> {
    let bytes = extension.extn_value.as_bytes();
    let value = T::from_der(bytes)?;
    if value.to_der()? == bytes { Ok(value) } else { Err(CertificateRefused::NotDer(what)) }
}

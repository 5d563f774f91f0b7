#![allow(clippy::unwrap_used, reason = "a test may fail")]

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, PKCS_ECDSA_P256_SHA256,
    PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PublicKeyData as _,
};
use rsa::pkcs1::DecodeRsaPrivateKey as _;
use rsa::pkcs8::{DecodePublicKey as _, EncodePublicKey as _};
use rsa::{BigUint, RsaPrivateKey, RsaPublicKey};
use x509_parser::prelude::ParsedExtension;

use super::*;

/// 2018-10-31T21:50:31.983Z.
const NOW: Timestamp = Timestamp(1_541_022_631_983);

fn weak() -> WeakKeys {
    WeakKeys::default()
}

/// Issues a certificate for an RSA key with this modulus.
fn of_modulus(modulus: BigUint) -> Parsed {
    let key = RsaPublicKey::new(modulus, BigUint::from(65537_u32)).unwrap();
    of_key(key.to_public_key_der().unwrap().as_bytes()).unwrap()
}

fn of_key(public_key: &[u8]) -> Result<Parsed, Refusal> {
    let (issuer, _) = Issuer::generate().unwrap();
    Parsed::from_der(issuer.issue(None, public_key, NOW).unwrap(), &weak())
}

fn ecc() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()
}

/// The PEM of a CA certificate of this name, and its issuer.
fn ca(name: &str) -> (String, rcgen::Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = ecc();
    let pem = params.self_signed(&key).unwrap().pem();
    (pem, rcgen::Issuer::new(params, key))
}

/// Where a number of ROCA's structure is in the structure: `k * M + 65537^a mod M`.
fn of_roca(k: &BigUint, a: u32) -> BigUint {
    let primes = (2_u32..=167).filter(|n| (2..*n).all(|divisor| n % divisor != 0));
    let m = primes.fold(BigUint::from(1_u32), |m, prime| m * prime);
    k * &m + BigUint::from(65537_u32).modpow(&BigUint::from(a), &m)
}

#[test]
fn what_is_issued_is_as_aws_issues_it() {
    let (issuer, kept) = Issuer::generate().unwrap();
    let issuer_again = Issuer::open(&kept).unwrap();
    let key = ecc();
    for issuer in [&issuer, &issuer_again] {
        let der = issuer.issue(None, &key.subject_public_key_info(), NOW).unwrap();
        let read = Parsed::from_der(der.clone(), &weak()).unwrap();
        assert_eq!(read.facts.subject, "CN=AWS IoT Certificate");
        assert_eq!(
            read.facts.issuer,
            "OU=Amazon Web Services, O=Amazon.com Inc., L=Seattle, ST=Washington, C=US"
        );
        assert_eq!(read.facts.not_before, Timestamp(1_541_022_511_000));
        assert_eq!(read.facts.not_after, Timestamp(2_524_607_999_000));
        assert_eq!((read.facts.serial.len(), read.facts.weakness, read.is_ca), (20, None, false));
        assert_eq!(read.id.0, <[u8; 32]>::from(Sha256::digest(&der)));

        let certificate = parsed(&der).unwrap();
        assert_eq!(certificate.public_key().raw, key.subject_public_key_info());
        let known = certificate.extensions().iter().map(|extension| {
            let is_known = match extension.parsed_extension() {
                ParsedExtension::BasicConstraints(basic) => !basic.ca,
                ParsedExtension::KeyUsage(usage) => usage.flags == 1,
                ParsedExtension::AuthorityKeyIdentifier(_) => true,
                ParsedExtension::SubjectKeyIdentifier(_) => true,
                _ => false,
            };
            (is_known, extension.critical)
        });
        assert_eq!(
            known.collect::<Vec<_>>(),
            [(true, false), (true, false), (true, true), (true, true)]
        );
    }
}

#[test]
fn what_is_issued_is_signed_by_the_issuing_key() {
    let (issuer, kept) = Issuer::generate().unwrap();
    let der = issuer.issue(None, &ecc().subject_public_key_info(), NOW).unwrap();
    let key = KeyPair::try_from(kept).unwrap().subject_public_key_info();
    let (_, key) = SubjectPublicKeyInfo::from_der(&key).unwrap();
    assert_eq!(parsed(&der).unwrap().verify_signature(Some(&key)), Ok(()));
    let other = ecc().subject_public_key_info();
    let (_, other) = SubjectPublicKeyInfo::from_der(&other).unwrap();
    assert!(parsed(&der).unwrap().verify_signature(Some(&other)).is_err());
}

#[test]
fn one_key_gets_different_certificates_whose_pem_says_the_same_as_they() {
    let (issuer, _) = Issuer::generate().unwrap();
    let key = ecc().subject_public_key_info();
    let issue = || Parsed::from_der(issuer.issue(None, &key, NOW).unwrap(), &weak()).unwrap();
    let (one, other) = (issue(), issue());
    assert_ne!(one.id, other.id);
    let pem = one.pem().unwrap();
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----\nMII"), "{pem}");
    assert!(pem.ends_with("\n-----END CERTIFICATE-----\n") && pem.lines().all(|l| l.len() <= 64));
    assert_eq!(Parsed::read(&pem, &weak()).unwrap(), one);
    assert_eq!(Parsed::read(&format!("a comment\r\n{pem}"), &weak()).unwrap(), one);
}

#[test]
fn a_certificate_that_begins_after_2049_is_dated_too() {
    let (issuer, _) = Issuer::generate().unwrap();
    let late = Timestamp(2_600_000_000_000);
    let der = issuer.issue(None, &ecc().subject_public_key_info(), late).unwrap();
    let read = Parsed::from_der(der, &weak()).unwrap();
    assert_eq!(read.facts.not_before, Timestamp(2_599_999_880_000));
}

#[test]
fn every_attribute_of_a_subject_is_kept() {
    let (issuer, _) = Issuer::generate().unwrap();
    let subject = der::name(&[(11, "one"), (11, "two"), (3, "dévice")]);
    let der = issuer.issue(Some(&subject), &ecc().subject_public_key_info(), NOW).unwrap();
    let read = Parsed::from_der(der, &weak()).unwrap();
    assert_eq!(read.facts.subject, "OU=one, OU=two, CN=dévice");
    assert_eq!(read.common_name.as_deref(), Some("dévice"));
}

#[test]
fn a_request_gives_its_subject_and_key() {
    for algorithm in [&PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384] {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let mut params = CertificateParams::new(vec!["device.example".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "device");
        let csr = Csr::read(&params.serialize_request(&key).unwrap().pem().unwrap()).unwrap();
        assert_eq!(csr.public_key, key.subject_public_key_info());
        assert!(csr.subject.unwrap().ends_with(b"device"));
        params.distinguished_name = rcgen::DistinguishedName::new();
        let csr = Csr::read(&params.serialize_request(&key).unwrap().pem().unwrap()).unwrap();
        assert_eq!(csr.subject, None, "an empty subject gets the usual one");
    }
}

#[test]
fn what_is_no_good_request_is_refused() {
    let request = |key: &KeyPair| CertificateParams::default().serialize_request(key).unwrap();
    let good = request(&ecc());
    let mut tampered = good.der().to_vec();
    let middle = tampered.len() - 4;
    tampered[middle] ^= 1;
    let other_kind = request(&KeyPair::generate_for(&PKCS_ED25519).unwrap());
    let (ca, _) = ca("a");
    let cases = [
        ("", "it is not the PEM of one"),
        ("garbage", "it is not the PEM of one"),
        ("-----BEGIN CERTIFICATE REQUEST-----\n!\n-----END CERTIFICATE REQUEST-----", "PEM of one"),
        ("-----BEGIN CERTIFICATE REQUEST-----\nMAAA\n", "it is not the PEM of one"),
        (&ca, "it is not the PEM of one"),
        (&pem("CERTIFICATE REQUEST", &[0x30, 0]).unwrap(), "it can't be read"),
        (&pem("CERTIFICATE REQUEST", &[&good.der()[..], &[0]].concat()).unwrap(), "can't be read"),
        (&pem("CERTIFICATE REQUEST", &tampered).unwrap(), "not valid: "),
        (&other_kind.pem().unwrap(), "neither RSA nor ECC"),
    ];
    for (text, why) in cases {
        let refusal = Csr::read(text).unwrap_err();
        assert_eq!(refusal.code, Code::InvalidRequestException, "{text}");
        assert!(refusal.message.contains(why), "{text}: {refusal}");
    }
    assert!(Csr::read(&good.pem().unwrap()).is_ok());
}

#[test]
fn what_is_no_good_certificate_is_refused() {
    let (good, _) = ca("a");
    let whole = Parsed::read(&good, &weak()).unwrap().der;
    let ed25519 = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let ed25519 = CertificateParams::default().self_signed(&ed25519).unwrap().pem();
    let csr = CertificateParams::default().serialize_request(&ecc()).unwrap().pem().unwrap();
    let cases = [
        ("", "no PEM block"),
        ("garbage", "no PEM block"),
        ("-----BEGIN CERTIFICATE-----\nMAAA\n", "The PEM is not valid"),
        ("-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n", "The PEM is not valid"),
        (&csr, "is not a certificate"),
        (&format!("{good}{good}"), "several PEM blocks"),
        (&format!("{good}-----BEGIN X-----\n"), "several PEM blocks"),
        (&pem("CERTIFICATE", &whole[..whole.len() - 1]).unwrap(), "can't be read"),
        (&pem("CERTIFICATE", &[&whole[..], &[0]].concat()).unwrap(), "can't be read"),
        (&pem("CERTIFICATE", &[]).unwrap(), "can't be read"),
        (&ed25519, "The signature algorithm 1.3.101.112 is not supported"),
    ];
    for (text, why) in cases {
        let refusal = Parsed::read(text, &weak()).unwrap_err();
        assert_eq!(refusal.code, Code::CertificateValidationException, "{text}");
        assert!(refusal.message.contains(why), "{text}: {refusal}");
    }
}

#[test]
fn keys_that_aws_does_not_take_are_refused() {
    let short = (BigUint::from(1_u32) << 2046) + 1_u32;
    let short = RsaPublicKey::new(short, 65537_u32.into()).unwrap();
    let short = short.to_public_key_der().unwrap();
    let secp256k1 = {
        let curve = der::sequence(&[
            &der::oid(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01]),
            &der::oid(&[0x2b, 0x81, 0x04, 0x00, 0x0a]),
        ]);
        der::sequence(&[&curve, &der::bits(&[4; 65])])
    };
    let ed25519 = KeyPair::generate_for(&PKCS_ED25519).unwrap().subject_public_key_info();
    let cases = [
        (short.as_bytes(), "An RSA key of 2047 bits is too short"),
        (&secp256k1, "on a curve other than"),
        (&ed25519, "neither RSA nor ECC"),
    ];
    for (key, why) in cases {
        let refusal = of_key(key).unwrap_err();
        assert!(refusal.message.contains(why), "{refusal}");
    }
}

#[test]
fn a_certificate_is_issued_by_the_one_with_that_name_and_key() {
    let (first, issuer) = ca("one");
    let (same_name, _) = ca("one");
    let (other, _) = ca("other");
    let device = CertificateParams::default().signed_by(&ecc(), &issuer).unwrap().pem();
    let device = Parsed::read(&device, &weak()).unwrap();
    let read = |pem: &str| Parsed::read(pem, &weak()).unwrap();
    for (pem, expected) in [(&first, true), (&same_name, false), (&other, false)] {
        assert_eq!(device.is_issued_by(&read(pem).der).unwrap(), expected);
    }
    assert_eq!(device.facts.issuer_hash, read(&first).subject_hash);
    assert_ne!(device.facts.issuer_hash, read(&other).subject_hash);
    assert!(read(&first).is_ca && !device.is_ca);
}

#[test]
fn a_key_of_rocas_structure_is_weak_and_one_beside_it_is_not() {
    let k = BigUint::from(1_u32) << 805;
    let (p, q) = (of_roca(&k, 12_345), of_roca(&(&k + 7_u32), 1));
    assert_eq!(of_modulus(&p * &q).facts.weakness, Some(Weakness::Roca));
    assert_eq!(of_modulus(&p * &q + 2_u32).facts.weakness, None);
}

#[test]
fn a_key_of_a_configured_list_is_weak() {
    let modulus = (BigUint::from(1_u32) << 2047) + 12_345_u32;
    let fingerprint = {
        use sha1::{Digest as _, Sha1};
        Sha1::digest(format!("Modulus={}\n", modulus.to_str_radix(16).to_uppercase()))
    };
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("blacklist.RSA-2048");
    std::fs::write(&list, format!("{}\n", crate::text::hex(&fingerprint[10..]))).unwrap();
    let known = WeakKeys::read([list]).unwrap();
    let certificate = of_modulus(modulus);
    assert_eq!(certificate.facts.weakness, None);
    let again = Parsed::from_der(certificate.der, &known).unwrap();
    assert_eq!(again.facts.weakness, Some(Weakness::Debian));
    assert_eq!(of_modulus((BigUint::from(1_u32) << 2047) + 12_347_u32).facts.weakness, None);
}

#[tokio::test]
async fn keys_are_rsa_of_2048_bits_and_go_to_one_taker_each() {
    let pool = KeyPool::default();
    let (one, other) = (pool.take().await.unwrap(), pool.take().await.unwrap());
    assert_ne!(one.private_pem, other.private_pem);
    let private = RsaPrivateKey::from_pkcs1_pem(&one.private_pem).unwrap();
    let public = RsaPublicKey::from_public_key_pem(&one.public_pem).unwrap();
    assert_eq!(RsaPublicKey::from(&private), public);
    assert_eq!(public.to_public_key_der().unwrap().as_bytes(), one.public_key);
    assert_eq!(of_key(&one.public_key).unwrap().facts.weakness, None);
    let bits = rsa::traits::PublicKeyParts::n(&public).bits();
    assert_eq!(bits, 2048);
}

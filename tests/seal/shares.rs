//! Shares of an authority's identity: enough of one division give it back, and nothing else does.

use elchi::seal::{
    GrantedIdentity, IdentityShare, SealingIdentity, SecretFileRefused, ShareRule, SharesRefused, combine_identity, open_share,
    seal_secret, seal_share, split_identity,
};

use super::javascript::run;

fn split(identity: &SealingIdentity, authority: &str, threshold: u8, count: usize) -> Vec<IdentityShare> {
    split_identity(identity, &authority.parse().unwrap(), ShareRule::new(threshold, count).unwrap())
}

/// Copies of some shares, as their keepers pass them on.
fn some(shares: &[IdentityShare], chosen: &[usize]) -> Vec<IdentityShare> {
    let keeper = SealingIdentity::generate();
    let passed = |place: &usize| open_share(&seal_share(&shares[*place], &keeper.recipient()).unwrap(), &keeper).unwrap();
    chosen.iter().map(passed).collect()
}

fn refusal(combined: Result<GrantedIdentity, SharesRefused>) -> SharesRefused {
    combined.map(|identity| identity.fingerprint()).unwrap_err()
}

#[test]
fn enough_shares_of_one_division_give_the_identity_back() {
    let identity = SealingIdentity::generate();
    let shares = split(&identity, "kg.gpo", 2, 3);
    for chosen in [&[0, 1][..], &[0, 2], &[2, 1], &[2, 0, 1]] {
        let given = combine_identity(&some(&shares, chosen)).unwrap().verify_listed(&identity.recipient()).unwrap();
        assert!(given.expose_secret() == identity.expose_secret(), "{chosen:?}");
    }
    let given = combine_identity(&split(&identity, "kg.gpo", 16, 16)).unwrap();
    assert_eq!(given.fingerprint(), identity.recipient().fingerprint());
}

#[test]
fn shares_that_are_too_few_doubled_mixed_or_wrong_are_refused() {
    let identity = SealingIdentity::generate();
    let (shares, again) = (split(&identity, "kg.gpo", 2, 3), split(&identity, "kg.gpo", 2, 3));
    let refused = |shares: Vec<IdentityShare>| refusal(combine_identity(&shares));
    assert_eq!(refused(Vec::new()), SharesRefused::TooFew { needed: 2, given: 0 });
    assert_eq!(refused(some(&shares, &[1])), SharesRefused::TooFew { needed: 2, given: 1 });
    assert_eq!(refused(some(&shares, &[1, 1])), SharesRefused::Doubled);
    let mixed = |others: &[IdentityShare]| refused(some(&shares, &[0]).into_iter().chain(some(others, &[1])).collect());
    assert_eq!(mixed(&again), SharesRefused::OtherKey, "of another division of the same key");
    assert_eq!(mixed(&split(&SealingIdentity::generate(), "kg.gpo", 2, 3)), SharesRefused::Mixed, "of another key");
    assert_eq!(mixed(&split(&identity, "kg.mvd", 2, 3)), SharesRefused::Mixed, "of another authority");
    assert_eq!(mixed(&split(&identity, "kg.gpo", 3, 3)), SharesRefused::Mixed, "of which more are needed");
}

#[test]
fn a_share_that_was_altered_or_claims_fewer_gives_no_key() {
    let (identity, keeper) = (SealingIdentity::generate(), SealingIdentity::generate());
    let shares = split(&identity, "kg.gpo", 3, 3);
    let text = |place: usize| {
        let sealed = seal_share(&shares[place], &keeper.recipient()).unwrap();
        // What another age opens is what the keeper has.
        String::from_utf8(run(&["decrypt", &keeper.expose_secret()], &sealed).unwrap()).unwrap()
    };
    let texts = [text(0), text(1), text(2)];
    let take = |text: &str| open_share(&seal_secret(text.as_bytes(), &keeper.recipient()).unwrap(), &keeper).unwrap();
    combine_identity(&texts.each_ref().map(|text| take(text))).unwrap();
    let head = texts[0].find('\n').unwrap();
    let other_digit = if texts[0].as_bytes()[head + 1] == b'0' { "1" } else { "0" };
    let altered = [&texts[0][..=head], other_digit, &texts[0][head + 2..]].concat();
    assert_eq!(refusal(combine_identity(&[take(&altered), take(&texts[1]), take(&texts[2])])), SharesRefused::OtherKey);
    let fewer = [0, 1].map(|place: usize| take(&texts[place].replacen(" 3 ", " 2 ", 1)));
    assert_eq!(refusal(combine_identity(&fewer)), SharesRefused::OtherKey);
    let key = identity.recipient().fingerprint().to_string();
    let renamed = texts.each_ref().map(|text| take(&text.replace(&key, &"ab".repeat(32))));
    assert_eq!(refusal(combine_identity(&renamed)), SharesRefused::OtherKey);
}

#[test]
fn a_share_is_its_keepers_and_nothing_else_passes_for_one() {
    let (identity, keeper, other) = (SealingIdentity::generate(), SealingIdentity::generate(), SealingIdentity::generate());
    let sealed = seal_share(&split(&identity, "kg.gpo", 2, 2)[0], &keeper.recipient()).unwrap();
    assert_eq!(open_share(&sealed, &other).map(drop), Err(SecretFileRefused::NotOpened));
    let grant = elchi::seal::seal_authority_identity(&identity, &"kg.gpo".parse().unwrap(), &keeper.recipient()).unwrap();
    assert_eq!(open_share(&grant, &keeper).map(drop), Err(SecretFileRefused::Malformed));
    assert!(elchi::seal::open_authority_identity(&sealed, &keeper, &"kg.gpo".parse().unwrap()).is_err());
}

#[test]
fn at_least_two_are_needed_of_at_most_sixteen() {
    for (threshold, count, is_rule) in [
        (2, 2, true),
        (2, 16, true),
        (16, 16, true),
        (1, 2, false),
        (0, 2, false),
        (3, 2, false),
        (2, 17, false),
        (2, 258, false),
        (2, 0, false),
    ] {
        assert_eq!(ShareRule::new(threshold, count).is_ok(), is_rule, "{threshold} of {count}");
    }
}

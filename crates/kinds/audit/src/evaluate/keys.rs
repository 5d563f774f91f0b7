//! Keys that are weak by how they were made.

/// The odd primes up to 167. Every prime that Infineon's library made is `k * M + 65537^a mod M`,
/// where `M` is a product of the first primes: of these, and of more for longer keys.
const PRIMES: [u16; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];
/// The generator of the weak primes.
const GENERATOR: u32 = 65537;

/// Whether an RSA modulus (big-endian) has the fingerprint of ROCA, CVE-2017-15361.
///
/// The product of two such primes is a power of 65537 modulo `M` too. So there has to be one
/// exponent that fits for all small primes: the modulus has a discrete logarithm for each, and all
/// of them agree wherever their cycles have a common divisor. Of other moduli of any length about
/// one in 2^154 does. Source: Nemec et al., "The Return of Coppersmith's Attack", 2017, section 2.
#[must_use]
pub fn is_roca(modulus: &[u8]) -> bool {
    let mut logarithms = [(0_u32, 0_u32); PRIMES.len()];
    for (place, prime) in PRIMES.into_iter().enumerate() {
        let prime = u32::from(prime);
        let Some(logarithm) = logarithm(remainder(modulus, prime), prime) else { return false };
        logarithms[place] = logarithm;
    }
    let agree = |(a, of_a): (u32, u32), (b, of_b): (u32, u32)| {
        let common = greatest_common_divisor(of_a, of_b);
        a % common == b % common
    };
    // Pairs that agree are enough: then one exponent fits all (the Chinese remainder theorem).
    (1..logarithms.len()).all(|last| (0..last).all(|one| agree(logarithms[one], logarithms[last])))
}

/// The exponent of the generator that gives `of` modulo `prime`, and after how many it repeats.
fn logarithm(of: u32, prime: u32) -> Option<(u32, u32)> {
    let (mut power, mut exponent, mut found) = (1, 0, None);
    loop {
        if power == of {
            found = Some(exponent);
        }
        power = power * (GENERATOR % prime) % prime;
        exponent += 1;
        if power == 1 {
            return found.map(|found| (found, exponent));
        }
    }
}

fn remainder(number: &[u8], divisor: u32) -> u32 {
    number.iter().fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % divisor)
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number as its big-endian digits to the base 256.
    fn product(factors: impl IntoIterator<Item = u32>) -> Vec<u8> {
        factors.into_iter().fold(vec![1], |number, factor| add(&[], &number, factor))
    }

    /// `number * factor + other`.
    fn add(other: &[u8], number: &[u8], factor: u32) -> Vec<u8> {
        let digit = |digits: &[u8], place: usize| {
            digits.len().checked_sub(place + 1).map_or(0, |place| u64::from(digits[place]))
        };
        let (mut sum, mut carry) = (Vec::new(), 0_u64);
        for place in 0..number.len().max(other.len()) + 8 {
            carry += digit(number, place) * u64::from(factor) + digit(other, place);
            sum.push((carry & 0xff) as u8);
            carry >>= 8;
        }
        while sum.len() > 1 && sum.last() == Some(&0) {
            sum.pop();
        }
        sum.reverse();
        sum
    }

    /// `factor * M + 65537^exponent mod M`: it need not be prime to have the structure.
    fn of_the_structure(factor: u32, exponent: u32) -> Vec<u8> {
        let m = product([2].into_iter().chain(PRIMES.map(u32::from)));
        // 65537^exponent mod M, by subtraction: the power grows by 17 bits a step at most.
        let mut power = vec![1];
        for _ in 0..exponent {
            power = reduce(add(&[], &power, GENERATOR), &m);
        }
        add(&power, &m, factor)
    }

    fn reduce(number: Vec<u8>, m: &[u8]) -> Vec<u8> {
        let mut rest: Vec<u8> = Vec::new();
        for byte in number {
            rest = add(&[byte], &rest, 256);
            while is_at_least(&rest, m) {
                rest = subtract(&rest, m);
            }
        }
        rest
    }

    fn is_at_least(a: &[u8], b: &[u8]) -> bool {
        let a = &a[a.iter().position(|digit| *digit != 0).unwrap_or(a.len())..];
        (a.len(), a) >= (b.len(), b)
    }

    fn subtract(a: &[u8], b: &[u8]) -> Vec<u8> {
        let (mut result, mut borrow) = (a.to_vec(), false);
        for place in 0..a.len() {
            let minus = b.len().checked_sub(place + 1).map_or(0, |place| b[place]);
            let at = a.len() - place - 1;
            let (difference, one) = result[at].overflowing_sub(minus);
            let (difference, other) = difference.overflowing_sub(u8::from(borrow));
            (result[at], borrow) = (difference, one || other);
        }
        result
    }

    fn multiply(a: &[u8], b: &[u8]) -> Vec<u8> {
        b.iter().fold(Vec::new(), |sum, digit| {
            let shifted = add(&[], &sum, 256);
            add(&shifted, a, u32::from(*digit))
        })
    }

    #[test]
    fn the_product_of_two_numbers_of_the_structure_has_the_fingerprint() {
        for ((k, a), (l, b)) in
            [((3, 5), (9, 77)), ((1_000_003, 600), (65_521, 1)), ((7, 0), (8, 0))]
        {
            let modulus = multiply(&of_the_structure(k, a), &of_the_structure(l, b));
            assert!(is_roca(&modulus), "{k} {a} {l} {b}");
            assert!(is_roca(&[&[0, 0], &modulus[..]].concat()), "leading zeros say nothing");
        }
    }

    #[test]
    fn a_number_beside_it_has_not() {
        let modulus = multiply(&of_the_structure(3, 5), &of_the_structure(9, 77));
        for beside in [1_u8, 2, 4, 254] {
            assert!(!is_roca(&add(&[beside], &modulus, 1)), "plus {beside}");
        }
    }

    #[test]
    fn a_modulus_needs_one_exponent_for_all_primes_together() {
        // The number that is this power of 65537 modulo each prime, by the Chinese remainder theorem.
        let of_powers = |exponent: fn(usize) -> u32| {
            let (mut number, mut all) = (Vec::new(), vec![1]);
            for (place, prime) in PRIMES.map(u32::from).into_iter().enumerate() {
                let wanted = (0..exponent(place)).fold(1, |power, _| power * GENERATOR % prime);
                let fits = |times: &u32| remainder(&add(&number, &all, *times), prime) == wanted;
                let times = (0..prime).find(fits).unwrap_or(0);
                number = add(&number, &all, times);
                all = add(&[], &all, prime);
            }
            number
        };
        assert!(is_roca(&of_powers(|_| 1)) && is_roca(&of_powers(|_| 2)));
        assert!(!is_roca(&of_powers(|place| 1 + u32::from(place >= 22))));
    }

    #[test]
    fn ordinary_moduli_and_degenerate_ones_have_not() {
        let ordinary = [0xc5_u8, 0x3b, 0x91, 0x07, 0xde, 0x44, 0x6a, 0x1d].repeat(32);
        for modulus in [&[][..], &[0], &[2], &[0xff; 256], &ordinary] {
            assert!(!is_roca(modulus), "{modulus:?}");
        }
    }
}

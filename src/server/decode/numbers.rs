//! [`read_floats`]: an array of numbers as 32-bit floats, several times as fast as by a parser that is
//! ready for anything.

use super::scan::{Rest, skip_space};

/// Powers of ten, each the nearest 64-bit float.
const POWERS: [f64; 41] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22, 1e23, 1e24, 1e25, 1e26, 1e27, 1e28, 1e29, 1e30, 1e31, 1e32,
    1e33, 1e34, 1e35, 1e36, 1e37, 1e38, 1e39, 1e40,
];

/// What so many more digits multiply a number by.
const SHIFTS: [u64; 9] = [
    1,
    10,
    100,
    1_000,
    10_000,
    100_000,
    1_000_000,
    10_000_000,
    100_000_000,
];

/// `0000` and so on: the upper halves of the bytes of digits.
const UPPER: u64 = 0x3030_3030_3030_3030;

/// What an array of numbers takes per number at least, bytes.
const MIN_BYTES: usize = 2;

/// The array of at most `most` numbers at the start of `json`, and what follows it. `None` where there
/// is something else: whoever asks has then to find out what.
pub(super) fn read_floats(json: Rest<'_>, most: usize) -> Option<(Vec<f32>, Rest<'_>)> {
    let mut rest = skip_space(json.strip_prefix(b"[")?);
    let mut floats = Vec::with_capacity(most.min(json.len() / MIN_BYTES).min(1024));
    loop {
        if floats.len() >= most {
            return None;
        }
        let (float, after) = read_float(rest)?;
        floats.push(float);
        rest = skip_space(after);
        match rest.split_first()? {
            (b',', after) => rest = skip_space(after),
            (b']', after) => return Some((floats, after)),
            _ => return None,
        }
    }
}

/// The number at the start of `json`, and what follows it.
fn read_float(json: Rest<'_>) -> Option<(f32, Rest<'_>)> {
    let (negative, rest) = match json.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, json),
    };
    let mut digits = Digits(Some(0));
    let mut rest = match rest.split_first()? {
        (b'0', after) if !after.first().is_some_and(u8::is_ascii_digit) => after,
        (b'1'..=b'9', _) => digits.take(rest),
        _ => return None,
    };
    let mut exponent = 0;
    if let Some(after) = rest.strip_prefix(b".") {
        rest = digits.take(after);
        let taken = after.len() - rest.len();
        if taken == 0 {
            return None;
        }
        exponent = -i32::try_from(taken).ok()?;
    }
    if let Some(b'e' | b'E') = rest.first() {
        let (more, after) = read_exponent(rest.get(1..)?)?;
        (exponent, rest) = (exponent.checked_add(more)?, after);
    }
    let value = match digits.scaled(exponent) {
        Some(value) if negative => -value,
        Some(value) => value,
        None => text(json, rest)?.parse().ok()?,
    };
    // As everybody reads them: a 64-bit float first.
    #[expect(clippy::cast_possible_truncation, reason = "the nearest 32-bit float")]
    Some((value as f32, rest))
}

/// The part of `json` before `rest`, which is its end.
fn text<'a>(json: Rest<'a>, rest: Rest<'a>) -> Option<&'a str> {
    let length = json.len().checked_sub(rest.len())?;
    std::str::from_utf8(json.get(..length)?).ok()
}

/// What stands behind the `e` of a number.
fn read_exponent(json: Rest<'_>) -> Option<(i32, Rest<'_>)> {
    let (negative, json) = match json.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, json),
    };
    let length = json.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = json.split_at_checked(length)?;
    let value: i32 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some((if negative { -value } else { value }, rest))
}

/// Digits that were read, as a whole number; `None` where it does not fit.
#[derive(Debug)]
struct Digits(Option<u64>);

impl Digits {
    /// Takes the digits at the start of `json`; what follows them.
    fn take<'a>(&mut self, mut json: Rest<'a>) -> Rest<'a> {
        while let Some((eight, rest)) = json.split_first_chunk::<8>() {
            let word = u64::from_le_bytes(*eight);
            let count = digits_in(word);
            if count == 8 {
                self.push(eight_digits(word), 8);
                json = rest;
                continue;
            }
            if count > 0 {
                // As if so many zeros stood before them.
                self.push(eight_digits(word << (64 - 8 * count)), count);
            }
            return json.get(count..).unwrap_or_default();
        }
        while let Some((digit @ b'0'..=b'9', rest)) = json.split_first() {
            self.push(u64::from(digit - b'0'), 1);
            json = rest;
        }
        json
    }

    fn push(&mut self, value: u64, digits: usize) {
        let shifted = self.0.and_then(|before| before.checked_mul(SHIFTS[digits]));
        self.0 = shifted.and_then(|shifted| shifted.checked_add(value));
    }

    /// The number times ten to the power of `exponent`, off by no more than the last bits of a 64-bit
    /// float; `None` where that takes more work.
    fn scaled(&self, exponent: i32) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a 32-bit float comes of it")]
        let value = self.0? as f64;
        let power = POWERS.get(usize::try_from(exponent.unsigned_abs()).ok()?)?;
        Some(if exponent < 0 {
            value / power
        } else {
            value * power
        })
    }
}

/// How many of the bytes of `word`, the lowest first, are digits before the first that is none.
#[inline]
fn digits_in(word: u64) -> usize {
    // A carry spoils only what comes after a byte that is no digit.
    let above = word.wrapping_add(0x0606_0606_0606_0606);
    let others = ((word ^ UPPER) | (above ^ UPPER)) & 0xf0f0_f0f0_f0f0_f0f0;
    others.trailing_zeros() as usize / 8
}

/// The number that eight digits write, the lowest byte first; by arithmetic on all of them side by side.
#[inline]
fn eight_digits(word: u64) -> u64 {
    let ones = word & 0x0f0f_0f0f_0f0f_0f0f;
    let pairs = (ones.wrapping_mul(10) + (ones >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100) + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    (fours.wrapping_mul(10_000) + (fours >> 32)) & 0xffff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(json: &str) -> Option<Vec<f32>> {
        let (floats, rest) = read_floats(json.as_bytes(), 4_096)?;
        rest.is_empty().then_some(floats)
    }

    #[test]
    fn should_read_what_json_allows() {
        let json =
            "[0, -0,1,-2.5 ,3e2,4E-2,1.5e+1,123456789.25,0.000000001234567890123456789,1e-30]";
        let expected: Vec<f32> = serde_json::from_str(json).unwrap();
        assert_eq!(read(json), Some(expected));
    }

    #[test]
    fn should_leave_everything_else_to_others() {
        for json in [
            "",
            "[",
            "[]",
            "[1",
            "[1,",
            "[1,]",
            "[,1]",
            "[01]",
            "[+1]",
            "[.5]",
            "[1.]",
            "[1e]",
            "[-]",
            "[1 2]",
            "[null]",
            "[\"1\"]",
            "[[1]]",
            "[1.5.2]",
            "[NaN]",
            "[1e+]",
            "1",
            "{}",
            "[1e99999999999]",
            "[1_0]",
            "[1：2]",
        ] {
            assert_eq!(read(json), None, "{json}");
        }
        assert_eq!(read_floats(b"[1,2,3]", 2), None);
    }

    proptest! {
        #[test]
        fn should_read_as_the_usual_parser(values in prop::collection::vec(any::<f64>(), 1..40)) {
            let json = serde_json::to_string(&values).unwrap();
            let usual: Option<Vec<f32>> = serde_json::from_str(&json).ok();
            if !json.contains("null") {
                prop_assert_eq!(read(&json), usual);
            }
        }

        #[test]
        fn should_read_shortest_floats_exactly(values in prop::collection::vec(-1e6_f32..1e6, 1..40)) {
            let json = serde_json::to_string(&values).unwrap();
            prop_assert_eq!(read(&json), Some(values.clone()));
            let wide: Vec<f64> = values.iter().map(|value| f64::from(*value)).collect();
            let json = serde_json::to_string(&wide).unwrap();
            prop_assert_eq!(read(&json), Some(values));
        }

        #[test]
        fn should_accept_no_more_than_the_usual_parser(json in r"\[[-+.,eE0-9 \[\]]{0,24}\]") {
            if let Some(floats) = read(&json) {
                let usual: Vec<f32> = serde_json::from_str(&json).unwrap();
                prop_assert_eq!(floats.len(), usual.len());
            }
        }
    }
}

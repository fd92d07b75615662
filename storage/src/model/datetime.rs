//! [`parse_datetime`] and [`format_datetime`]: ISO 8601 ⇄ milliseconds since 1970.

const MS_PER_DAY: i64 = 86_400_000;
/// Days from 0000-03-01 to 1970-01-01 in the Gregorian calendar.
const EPOCH_DAY: i64 = 719_468;
/// Days in 400 years.
const CYCLE: i64 = 146_097;

/// The milliseconds since 1970 of an ISO 8601 date or date with time, years 0000 to 9999.
///
/// Without an offset it is UTC; what is finer than a millisecond is cut off.
pub fn parse_datetime(text: &str) -> Option<i64> {
    let (date, time) = match text.get(10..11) {
        None => (text, None),
        Some("T" | "t" | " ") => (text.get(..10)?, Some(text.get(11..)?)),
        Some(_) => return None,
    };
    let (year, rest) = number(date, 4)?;
    let (month, rest) = number(rest.strip_prefix('-')?, 2)?;
    let (day, rest) = number(rest.strip_prefix('-')?, 2)?;
    let real = (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
    if !real || !rest.is_empty() {
        return None;
    }
    let midnight = day_number(year, month, day) * MS_PER_DAY;
    time.map_or(Some(midnight), |time| Some(midnight + time_of_day(time)?))
}

/// The date and time of `ms` milliseconds since 1970, UTC: `2026-01-31T12:30:00.250Z`.
pub fn format_datetime(ms: i64) -> String {
    let (year, month, day) = date(ms.div_euclid(MS_PER_DAY));
    let time = ms.rem_euclid(MS_PER_DAY);
    let (hour, minute) = (time / 3_600_000, time / 60_000 % 60);
    let (second, ms) = (time / 1000 % 60, time % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

/// The milliseconds since midnight, UTC, of `hh:mm[:ss[.fff]][Z|±hh:mm]`.
fn time_of_day(text: &str) -> Option<i64> {
    let (hour, rest) = number(text, 2)?;
    let (minute, rest) = number(rest.strip_prefix(':')?, 2)?;
    let (second, rest) = match rest.strip_prefix(':') {
        Some(rest) => number(rest, 2)?,
        None => (0, rest),
    };
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count()),
        None => ("0", rest),
    };
    if hour > 23 || minute > 59 || second > 59 || fraction.is_empty() {
        return None;
    }
    let digits = fraction.bytes().chain(*b"00").take(3);
    let ms = digits.fold(0, |ms, digit| ms * 10 + i64::from(digit - b'0'));
    Some(((hour * 60 + minute - offset_minutes(rest)?) * 60 + second) * 1000 + ms)
}

/// The minutes by which a clock with this offset is ahead of UTC.
fn offset_minutes(text: &str) -> Option<i64> {
    if matches!(text, "" | "Z" | "z") {
        return Some(0);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let (hours, rest) = number(text.strip_prefix(['+', '-'])?, 2)?;
    let rest = rest.strip_prefix(':').unwrap_or(rest);
    let (minutes, rest) = if rest.is_empty() {
        (0, rest)
    } else {
        number(rest, 2)?
    };
    (rest.is_empty() && hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

/// The number in the first `digits` characters, and what follows.
fn number(text: &str, digits: usize) -> Option<(i64, &str)> {
    let (head, rest) = text.split_at_checked(digits)?;
    let all = head.bytes().all(|b| b.is_ascii_digit());
    Some((head.parse().ok().filter(|_| all)?, rest))
}

fn days_in(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970. Years start in March here, so that a leap day is the last of its year.
fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (cycle, year) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    cycle * CYCLE + year * 365 + year / 4 - year / 100 + day_of_year - EPOCH_DAY
}

/// Year, month and day of a number of days since 1970.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + EPOCH_DAY;
    let (cycle, day) = (days.div_euclid(CYCLE), days.rem_euclid(CYCLE));
    let year = (day - day / 1460 + day / 36_524 - day / (CYCLE - 1)) / 365;
    let day_of_year = day - (year * 365 + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = (month + 2) % 12 + 1;
    (cycle * 400 + year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn should_read_dates_with_and_without_time_and_offset() {
        for (text, ms) in [
            ("1970-01-01", 0),
            ("1970-01-01T00:00Z", 0),
            ("1970-01-01T01:00:00.5+01:00", 500),
            ("1969-12-31 23:59:59.999999", -1),
            ("2000-02-29T12:00:00-0230", 951_834_600_000),
            ("2024-03-01T00:00:00Z", 1_709_251_200_000),
            ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
            ("0000-01-01", -62_167_219_200_000),
        ] {
            assert_eq!(parse_datetime(text), Some(ms), "{text}");
        }
    }

    #[test]
    fn should_refuse_what_is_no_datetime() {
        for text in [
            "",
            "2024",
            "2023-02-29",
            "2024-13-01",
            "2024-1-1",
            "2024-01-01T24:00",
            "2024-01-01T12",
            "2024-01-01T12:00:60Z",
            "2024-01-01T12:00:00.Z",
            "2024-01-01T12:00+1",
            "2024-01-01x",
            "+024-01-01",
            "é024-01-01",
        ] {
            assert_eq!(parse_datetime(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn should_read_what_it_writes(ms in -62_167_219_200_000i64..253_402_300_800_000) {
            prop_assert_eq!(parse_datetime(&format_datetime(ms)), Some(ms));
        }

        #[test]
        fn should_take_any_text(text in "\\PC{0,40}", ms: i64) {
            parse_datetime(&text);
            prop_assert!(format_datetime(ms).ends_with('Z'));
        }
    }
}

//! Load on several regions at once: what each client sent, and when it was answered or came to sight.
//!
//!     region_load SECONDS WRITES QUERIES FALLBACKS DIMENSIONS NAME=HOST:PORT…
//!
//! Each region has clients of its own, which send so many writes and queries a second whether or not earlier ones were
//! answered. One more client per region asks every 10 ms up to where the region's view holds the logs of the others. Per
//! ordered pair, so many times a second, a row is written in one region and read in the other with the write's token and
//! without waiting for it. All clients are threads of one process, so that their times are of one monotonic clock.
//!
//! Standard output gets a line per event, fields separated by tabs, times in microseconds:
//!
//! ```text
//! write     REGION  SEQ     SENT  ACKED
//! query     REGION  LEVEL   SENT  ANSWERED
//! seen      REGION  ORIGIN  SEQ   AT
//! fallback  WRITER  READER  SENT  ANSWERED  SERVED_BY
//! error     REGION  WHAT    AT
//! ```

#![expect(
    clippy::disallowed_methods,
    reason = "it measures the real time that programs take"
)]

use std::{
    env,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

/// Clients of a region that write, and that query.
const CLIENTS: (usize, usize) = (16, 6);
/// Between two looks at what a region's view holds.
const LOOK: Duration = Duration::from_millis(10);
/// The namespace that all clients share.
const NAMESPACE: &str = "/v2/namespaces/load";
/// Events that may wait to be printed.
const EVENTS: usize = 1 << 16;

/// What the clients are told.
#[derive(Debug, Clone)]
struct Plan {
    seconds: u64,
    writes: u64,
    queries: u64,
    fallbacks: u64,
    dimensions: usize,
    regions: Vec<(String, String)>,
    begin: Instant,
    said: SyncSender<String>,
}

/// A region as one thread talks to it.
#[derive(Debug)]
struct Client {
    plan: Plan,
    region: String,
    address: String,
    stream: Option<BufReader<TcpStream>>,
    chance: u64,
}

/// What was answered with success.
#[derive(Debug)]
struct Answer {
    headers: Vec<(String, String)>,
    body: String,
}

fn main() -> io::Result<()> {
    let (said, heard) = sync_channel(EVENTS);
    let plan = plan(&env::args().skip(1).collect::<Vec<_>>(), said)?;
    let mut threads = vec![];
    for (at, region) in plan.regions.iter().enumerate() {
        let client = |salt: usize| Client::new(&plan, region, at * 1_000 + salt);
        let writes = Arc::new(AtomicU64::new(0));
        for salt in 0..CLIENTS.0 {
            let (client, turns) = (client(salt), Arc::clone(&writes));
            threads.push(thread::spawn(move || client.write(&turns)));
        }
        let queries = Arc::new(AtomicU64::new(0));
        for salt in 0..CLIENTS.1 {
            let (client, turns) = (client(100 + salt), Arc::clone(&queries));
            threads.push(thread::spawn(move || client.query(&turns)));
        }
        let watching = client(200);
        threads.push(thread::spawn(move || watching.watch()));
        for (reader, other) in plan.regions.iter().enumerate().filter(|(to, _)| *to != at) {
            let reading = Client::new(&plan, other, at * 1_000 + 300 + reader);
            let writing = client(400 + reader);
            threads.push(thread::spawn(move || writing.fall_back(reading)));
        }
    }
    drop(plan);
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in heard {
        writeln!(out, "{line}")?;
    }
    for thread in threads {
        drop(thread.join());
    }
    out.flush()
}

fn plan(words: &[String], said: SyncSender<String>) -> io::Result<Plan> {
    let wrong = || io::Error::other("usage: see the head of the source");
    let number = |at: usize| -> Option<u64> { words.get(at)?.parse().ok() };
    let regions = words.iter().skip(5).map(|word| word.split_once('='));
    let regions: Option<Vec<_>> = regions.collect();
    let regions = regions.ok_or_else(wrong)?.into_iter();
    Ok(Plan {
        seconds: number(0).ok_or_else(wrong)?,
        writes: number(1).ok_or_else(wrong)?,
        queries: number(2).ok_or_else(wrong)?,
        fallbacks: number(3).ok_or_else(wrong)?,
        dimensions: number(4)
            .and_then(|n| usize::try_from(n).ok())
            .ok_or_else(wrong)?,
        regions: regions.map(|(n, a)| (n.to_owned(), a.to_owned())).collect(),
        begin: Instant::now() + Duration::from_millis(300),
        said,
    })
}

impl Plan {
    fn now(&self) -> u128 {
        self.begin.elapsed().as_micros()
    }

    fn say(&self, line: String) {
        // Nobody listens any more only where standard output is gone.
        drop(self.said.send(line));
    }

    /// Waits until it is time for turn `number` of `rate` a second; `false` where that is after the end.
    fn wait(&self, number: u64, rate: u64) -> bool {
        if rate == 0 || number >= rate * self.seconds {
            return false;
        }
        let due = self.begin + Duration::from_micros(number * 1_000_000 / rate);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        true
    }
}

impl Client {
    fn new(plan: &Plan, (region, address): &(String, String), salt: usize) -> Self {
        Self {
            plan: plan.clone(),
            region: region.clone(),
            address: address.clone(),
            stream: None,
            chance: (salt as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15),
        }
    }

    fn write(mut self, turns: &AtomicU64) {
        loop {
            let number = turns.fetch_add(1, Ordering::Relaxed);
            if !self.plan.wait(number, self.plan.writes) {
                return;
            }
            let id = format!("{}-{number}", self.region);
            let sent = self.plan.now();
            if let Some((seq, _)) = self.upsert(&id) {
                let (region, acked) = (&self.region, self.plan.now());
                self.plan
                    .say(format!("write\t{region}\t{seq}\t{sent}\t{acked}"));
            }
        }
    }

    /// Every other query is a strong one.
    fn query(mut self, turns: &AtomicU64) {
        loop {
            let number = turns.fetch_add(1, Ordering::Relaxed);
            if !self.plan.wait(number, self.plan.queries) {
                return;
            }
            let level = if number.is_multiple_of(2) {
                "strong"
            } else {
                "eventual"
            };
            let body = format!(
                "{{\"rank_by\": [\"vector\", \"ANN\", {}], \"limit\": 10, \"consistency\": {{\"level\": \"{level}\"}}}}",
                self.vector()
            );
            let sent = self.plan.now();
            if self.post("/query", "", &body).is_some() {
                let (region, answered) = (&self.region, self.plan.now());
                self.plan
                    .say(format!("query\t{region}\t{level}\t{sent}\t{answered}"));
            }
        }
    }

    fn watch(mut self) {
        let others = self.plan.regions.iter().map(|(name, _)| name.clone());
        let mut seen: Vec<(String, u64)> = others.map(|name| (name, 0)).collect();
        // What was written last comes to sight after the end.
        let end = Duration::from_secs(self.plan.seconds + 3);
        while self.plan.begin.elapsed() < end {
            if let Ok(answer) = self.ask("GET", "/v2/regions", "", "") {
                self.note_seen(&answer.body, &mut seen);
            }
            thread::sleep(LOOK);
        }
    }

    /// Says where the view holds more of a log than it did at the last look.
    fn note_seen(&self, regions: &str, seen: &mut [(String, u64)]) {
        let (at, region) = (self.plan.now(), &self.region);
        for (origin, last) in seen.iter_mut().filter(|(origin, _)| origin != region) {
            let applied = applied(regions, origin).unwrap_or(0);
            if applied > *last {
                *last = applied;
                self.plan
                    .say(format!("seen\t{region}\t{origin}\t{applied}\t{at}"));
            }
        }
    }

    /// Writes here and reads there at once.
    fn fall_back(mut self, mut reader: Self) {
        for number in 0.. {
            if !self.plan.wait(number, self.plan.fallbacks) {
                return;
            }
            let id = format!("{}-{}", self.region, reader.region);
            let Some((_, token)) = self.upsert(&id) else {
                continue;
            };
            let headers = format!(
                "x-isobath-min-token: {token}\r\nx-isobath-wait-ms: 0\r\nx-isobath-on-stale: remote\r\n"
            );
            let body = format!(
                "{{\"rank_by\": [\"vector\", \"ANN\", {}], \"limit\": 10, \"consistency\": {{\"level\": \"eventual\"}}}}",
                reader.vector()
            );
            let sent = self.plan.now();
            if let Some(answer) = reader.post("/query", &headers, &body) {
                let answered = self.plan.now();
                let by = answer.header("x-isobath-served-by").unwrap_or("-");
                let (from, to) = (&self.region, &reader.region);
                self.plan
                    .say(format!("fallback\t{from}\t{to}\t{sent}\t{answered}\t{by}"));
            }
        }
    }

    /// Writes a row: the segment of the region's log that holds it, and the answer's token.
    fn upsert(&mut self, id: &str) -> Option<(u64, String)> {
        let body = format!(
            "{{\"upsert_rows\": [{{\"id\": \"{id}\", \"vector\": {}, \"by\": \"{}\"}}], \"distance_metric\": \"euclidean_squared\"}}",
            self.vector(),
            self.region
        );
        let answer = self.post("", "", &body)?;
        let token = answer.header("x-isobath-token")?;
        let seq = seq_of(token, &self.region)?;
        Some((seq, token.to_owned()))
    }

    fn vector(&mut self) -> String {
        let mut numbers = vec![];
        for _ in 0..self.plan.dimensions {
            self.chance ^= self.chance << 13;
            self.chance ^= self.chance >> 7;
            self.chance ^= self.chance << 17;
            numbers.push(format!("0.{:03}", self.chance % 1_000));
        }
        format!("[{}]", numbers.join(","))
    }

    /// A request below the namespace, which should succeed; that it did not is said.
    fn post(&mut self, path: &str, headers: &str, body: &str) -> Option<Answer> {
        match self.ask("POST", &format!("{NAMESPACE}{path}"), headers, body) {
            Ok(answer) => Some(answer),
            Err(error) => {
                self.stream = None;
                let (region, at) = (&self.region, self.plan.now());
                let error = error.to_string().replace(['\t', '\n'], " ");
                self.plan.say(format!("error\t{region}\t{error}\t{at}"));
                None
            }
        }
    }

    fn ask(&mut self, method: &str, path: &str, headers: &str, body: &str) -> io::Result<Answer> {
        let mut stream = if let Some(stream) = self.stream.take() {
            stream
        } else {
            let stream = TcpStream::connect(&self.address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(Duration::from_secs(30)))?;
            BufReader::new(stream)
        };
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\n\r\n{body}",
            self.address
        );
        stream.get_mut().write_all(request.as_bytes())?;
        let (status, answer) = read(&mut stream)?;
        self.stream = Some(stream);
        if status == 200 {
            return Ok(answer);
        }
        Err(io::Error::other(format!("{status} {}", answer.body)))
    }
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

fn read(stream: &mut BufReader<TcpStream>) -> io::Result<(u16, Answer)> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|word| word.parse().ok());
    let status = status.ok_or_else(|| io::Error::other("no answer"))?;
    let mut headers = vec![];
    loop {
        line.clear();
        stream.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: Option<usize> = length.and_then(|(_, value)| value.parse().ok());
    let mut body = vec![0; length.ok_or_else(|| io::Error::other("an answer without length"))?];
    stream.read_exact(&mut body)?;
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok((status, Answer { headers, body }))
}

/// Up to where a region holds the log of another, from its answer about the regions.
fn applied(json: &str, origin: &str) -> Option<u64> {
    let name = format!("\"region\":\"{origin}\"");
    let region = json.split('{').find(|part| part.contains(&name))?;
    let (_, rest) = region.split_once("\"applied_seq\":")?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// What a token says of the log of a region: behind version, cluster, time and their number stand the logs, each with the
/// length of its region's name, the name, the shard and the segment.
fn seq_of(token: &str, region: &str) -> Option<u64> {
    let bytes = base64url(token)?;
    let mut rest = bytes.get(1 + 16 + 8..)?;
    let (count, tail) = rest.split_first()?;
    rest = tail;
    for _ in 0..*count {
        let (length, tail) = rest.split_first()?;
        let (name, tail) = tail.split_at_checked(usize::from(*length))?;
        let (_, tail) = tail.split_first_chunk::<2>()?;
        let (seq, tail) = tail.split_first_chunk::<8>()?;
        if name == region.as_bytes() {
            return Some(u64::from_le_bytes(*seq));
        }
        rest = tail;
    }
    None
}

fn base64url(text: &str) -> Option<Vec<u8>> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut bits, mut held, mut out) = (0u32, 0, vec![]);
    for letter in text.bytes() {
        let value = LETTERS.iter().position(|known| *known == letter)?;
        bits = (bits << 6) | u32::try_from(value).ok()?;
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from((bits >> held) & 0xff).ok()?);
        }
    }
    Some(out)
}

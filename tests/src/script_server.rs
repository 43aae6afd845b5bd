//! A server on loopback that plays a script, fault by fault, and records every request byte for byte.
//!
//! Each connection plays one turn of the script and is then closed, so that the turns are in the order of the requests.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// The behaviour of the server for one connection.
#[derive(Clone, Debug)]
pub enum Turn {
    /// Reads the request and answers.
    Answer(Answer),
    /// Reads the request and closes the connection.
    CloseAfterReading,
    /// Closes the connection at once.
    CloseBeforeReading,
    /// Answers with the whole head and the first half of the body, then closes.
    HalfBody(Answer),
    /// Answers with the whole head and the first half of the body, then stalls as long as the server lives.
    HalfBodyThenStall(Answer),
    /// Answers with the whole head and the whole body, under a `content-length` of one byte more, then closes.
    MissingByte(Answer),
    /// The same, then stalls as long as the server lives.
    MissingByteThenStall(Answer),
    /// Answers with the whole body in one chunk and closes before the last one.
    OpenChunks(Answer),
    /// Closes without reading the request, so that the kernel resets the connection.
    Reset,
    /// Reads the request and stalls as long as the server lives.
    Stall,
}

/// An answer: status, further headers, body.
#[derive(Clone, Debug)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    /// An answer with a body, and with its framing headers only.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    fn head(&self) -> String {
        self.framed_by(&format!("content-length: {}", self.body.len()))
    }

    fn framed_by(&self, framing: &str) -> String {
        let Self { status, headers, .. } = self;
        let further: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("HTTP/1.1 {status} X\r\n{framing}\r\nconnection: close\r\n{further}\r\n")
    }
}

impl From<Answer> for Turn {
    fn from(answer: Answer) -> Self {
        Self::Answer(answer)
    }
}

/// A request as received over the socket.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Recorded {
    bytes: Vec<u8>,
    body_at: usize,
}

impl Recorded {
    /// Returns all bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the method and the path with its query.
    pub fn line(&self) -> String {
        let head = self.head();
        let line = head.lines().next().unwrap_or_default();
        line.strip_suffix(" HTTP/1.1").unwrap_or(line).to_owned()
    }

    /// Returns the headers by lower-case name, sorted.
    pub fn headers(&self) -> Vec<(String, String)> {
        let head = self.head();
        let pairs = head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let mut headers: Vec<_> =
            pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
        headers.sort();
        headers
    }

    /// Returns the body.
    pub fn body(&self) -> &[u8] {
        &self.bytes[self.body_at..]
    }

    fn head(&self) -> String {
        String::from_utf8_lossy(&self.bytes[..self.body_at]).into_owned()
    }
}

/// A server that listens as long as the process lives.
#[derive(Debug)]
pub struct ScriptServer {
    address: SocketAddr,
    stage: Arc<Mutex<Stage>>,
}

#[derive(Debug, Default)]
struct Stage {
    script: VecDeque<Turn>,
    connections: usize,
    recorded: Vec<Recorded>,
    stalled: Vec<TcpStream>,
}

impl ScriptServer {
    /// Starts a server with a script. Connections after its end are closed unread, and counted.
    ///
    /// # Errors
    /// If no port of the loopback address can be opened.
    pub fn start(script: impl IntoIterator<Item = Turn>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let stage = Arc::new(Mutex::new(Stage { script: script.into_iter().collect(), ..Stage::default() }));
        let playing = stage.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A peer that disconnects ends its own turn only.
                let _ = play(&playing, stream);
            }
        });
        Ok(Self { address, stage })
    }

    /// Returns the base URL for a client.
    pub fn base(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Returns every request so far.
    pub fn recorded(&self) -> Vec<Recorded> {
        lock(&self.stage).recorded.clone()
    }

    /// Returns the number of connections so far.
    pub fn connections(&self) -> usize {
        lock(&self.stage).connections
    }

    /// Returns the number of turns that are left.
    pub fn turns_left(&self) -> usize {
        lock(&self.stage).script.len()
    }
}

fn play(stage: &Mutex<Stage>, mut stream: TcpStream) -> io::Result<()> {
    let turn = {
        let mut stage = lock(stage);
        stage.connections += 1;
        stage.script.pop_front()
    };
    match turn {
        None | Some(Turn::CloseBeforeReading) => return Ok(()),
        Some(Turn::Reset) => return stream.peek(&mut [0]).map(drop),
        _ => {}
    }
    let request = read_request(&mut stream)?;
    lock(stage).recorded.push(request);
    match turn {
        Some(Turn::Answer(answer)) => {
            stream.write_all(answer.head().as_bytes())?;
            stream.write_all(&answer.body)?;
        }
        Some(Turn::HalfBody(answer)) => send_half(&mut stream, &answer)?,
        Some(Turn::HalfBodyThenStall(answer)) => {
            send_half(&mut stream, &answer)?;
            lock(stage).stalled.push(stream);
        }
        Some(Turn::MissingByte(answer)) => send_but_one(&mut stream, &answer)?,
        Some(Turn::MissingByteThenStall(answer)) => {
            send_but_one(&mut stream, &answer)?;
            lock(stage).stalled.push(stream);
        }
        Some(Turn::OpenChunks(answer)) => {
            stream.write_all(answer.framed_by("transfer-encoding: chunked").as_bytes())?;
            write!(stream, "{:x}\r\n", answer.body.len())?;
            stream.write_all(&answer.body)?;
            stream.write_all(b"\r\n")?;
        }
        Some(Turn::Stall) => lock(stage).stalled.push(stream),
        _ => {}
    }
    Ok(())
}

fn send_but_one(stream: &mut TcpStream, answer: &Answer) -> io::Result<()> {
    let length = answer.body.len() + 1;
    stream.write_all(answer.framed_by(&format!("content-length: {length}")).as_bytes())?;
    stream.write_all(&answer.body)
}

fn send_half(stream: &mut TcpStream, answer: &Answer) -> io::Result<()> {
    stream.write_all(answer.head().as_bytes())?;
    stream.write_all(&answer.body[..answer.body.len() / 2])
}

fn read_request(stream: &mut TcpStream) -> io::Result<Recorded> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        if let Some(body_at) = end_of_head(&bytes) {
            let request = Recorded { bytes, body_at };
            if request.body().len() >= body_length(&request) {
                return Ok(request);
            }
            bytes = request.bytes;
        }
        match stream.read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => bytes.extend_from_slice(&buffer[..read]),
        }
    }
}

fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

fn body_length(request: &Recorded) -> usize {
    let headers = request.headers();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0)
}

fn lock(stage: &Mutex<Stage>) -> MutexGuard<'_, Stage> {
    stage.lock().unwrap_or_else(PoisonError::into_inner)
}

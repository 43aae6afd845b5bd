"""The same faults against this workspace's clients and their peers; prints markdown tables. See README.md."""

import concurrent.futures
import http.server
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import threading
import time
import uuid

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = pathlib.Path(os.environ.get("PEERS_DIR", HERE / "installed"))
KEY = "peer-key-0123456789:abcdef"
PATIENCE = 100
PYTHON = ["fal-client", "replicate", "runwayml", "lumaai", "comfy-sdk"]
NODE = ["@fal-ai/client", "replicate", "@runwayml/sdk"]
ID = "7d1f6c1e-3b0a-4f8e-9a55-0c2f6a1b2c3d"


class Server(http.server.ThreadingHTTPServer):
    """Speaks every peer's dialect; does one fault to the submit or to the second poll."""

    daemon_threads = True

    def __init__(self, dialect, submit_fault=None, poll_fault=None, foreign=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.dialect, self.submit_fault, self.poll_fault, self.foreign = dialect, submit_fault, poll_fault, foreign
        self.submits, self.polls, self.keys_seen, self.requests = [], 0, 0, 0
        self.base = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def note(self):
        self.server.requests += 1
        self.server.keys_seen += sum(KEY in value for value in self.headers.values())

    def do_POST(self):
        self.note()
        length = int(self.headers.get("content-length") or 0)
        if self.headers.get("transfer-encoding"):
            while (size := int(self.rfile.readline().strip() or b"0", 16)) > 0:
                self.rfile.read(size + 2)
            self.rfile.readline()
        self.rfile.read(length)
        if self.path.endswith("/cancel"):
            return self.reply(200, {})
        self.server.submits.append(time.monotonic())
        if self.fail(self.server.submit_fault):
            return
        self.reply(201 if self.server.dialect == "replicate" else 200, self.submitted())

    def do_GET(self):
        self.note()
        dialect, path = self.server.dialect, self.path.split("?")[0]
        is_poll = path.endswith("/status") or dialect in ("replicate", "runwayml")
        if not is_poll:
            return self.reply(200, self.result())
        self.server.polls += 1
        word = "running"
        if self.server.polls == 2 and self.server.poll_fault == "unknown word":
            word = "unknown"
        elif self.server.polls == 2 and self.fail(self.server.poll_fault):
            return
        self.reply(200, self.polled("done" if self.server.polls >= 5 else word))

    def do_PUT(self):
        self.do_POST()

    def fail(self, fault):
        if fault == "drop":
            self.close_connection = True
            self.connection.shutdown(2)
        elif fault == "429":
            self.reply(429, {"detail": "slow down"}, {"retry-after": "2"})
        elif fault in ("500", "503"):
            self.reply(int(fault), {"detail": "no"})
        return fault is not None

    def reply(self, status, body, headers={}):
        text = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", "content-length": str(len(text)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def submitted(self):
        base = self.server.foreign or self.server.base
        if self.server.dialect == "fal":
            url = f"{base}/maker/app/requests/{ID}"
            return {"request_id": ID, "response_url": url, "status_url": url + "/status", "cancel_url": url + "/cancel", "queue_position": 0, "status": "IN_QUEUE"}
        if self.server.dialect == "replicate":
            return self.prediction("starting", base)
        if self.server.dialect == "kling":
            url = f"{base}/v1/requests/{ID}"
            return {"request_id": ID, "status_url": url + "/status", "result_url": url + "/result", "cancel_url": url + "/cancel"}
        if self.server.dialect == "comfy":
            return {"request_id": ID, "status": "IN_QUEUE", "status_url": f"{base}/status"}
        return {"id": ID, "state": "queued"}

    def polled(self, word):
        base = self.server.foreign or self.server.base
        now = "2026-11-22T00:00:00.000Z"
        if self.server.dialect in ("fal", "comfy"):
            status = {"running": "IN_PROGRESS", "done": "COMPLETED", "unknown": "WARMING_UP"}[word]
            return {"status": status, "logs": [], "request_id": ID, "response_url": f"{base}/maker/app/requests/{ID}"}
        if self.server.dialect == "replicate":
            return self.prediction({"running": "processing", "done": "succeeded", "unknown": "warming_up"}[word], base)
        if self.server.dialect == "runwayml":
            status = {"running": "RUNNING", "done": "SUCCEEDED", "unknown": "WARMING_UP"}[word]
            return {"id": ID, "status": status, "createdAt": now, "progress": 0.5, "output": ["https://example.com/o.mp4"]}
        return {"request_id": ID, "status": {"running": "in_progress", "done": "completed", "unknown": "warming_up"}[word]}

    def result(self):
        return {"request_id": ID, "status": "succeeded", "output": {"video": "https://example.com/o.mp4"}, "cost": 0.25}

    def prediction(self, status, base):
        url = f"{base}/v1/predictions/{ID}" if base == self.server.foreign else f"{base}/predictions/{ID}"
        return {"id": ID, "version": "a" * 64, "model": "a/b", "status": status, "input": {}, "output": None, "logs": "", "error": None, "metrics": {}, "created_at": "2026-11-22T00:00:00Z", "started_at": None, "completed_at": None, "source": "api", "urls": {"get": url, "cancel": url + "/cancel"}}


def command(peer, action, base):
    name, kind = peer
    if kind == "ours":
        return [str(ROOT / "target/debug/one_job"), name.split()[-1], action, base + "/v1"]
    if kind == "py":
        return [str(WORK / "venv/bin/python"), str(HERE / "drivers.py"), name, action, base]
    if kind == "rust":
        return [str(WORK / "rust-target/debug/rust-peers"), name, base]
    return ["node", str(WORK / "drivers.mjs"), name, action, base]


def run(peer, action, **server):
    dialect = "kling" if peer[1] == "ours" else peer[0]
    server = Server(dialect, **server)
    environment = {**os.environ, "PEER_KEY": KEY, "NO_PROXY": "127.0.0.1"}
    started = time.monotonic()
    try:
        done = subprocess.run(command(peer, action, server.base), env=environment, capture_output=True, timeout=PATIENCE, text=True)
        code, words = done.returncode, reason(done.stderr)
    except subprocess.TimeoutExpired:
        code, words = None, f"still at it after {PATIENCE} s"
    server.shutdown()
    return server, code, words, time.monotonic() - started


def reason(words):
    """The first class of error that is named, by its own name."""
    found = re.search(r"[A-Za-z_.]*(?:Error|Exception)\b", words)
    return found.group().split(".")[-1] if found else "no words"


def submits(peer, fault):
    server, _, _, took = run(peer, "submit", submit_fault=fault)
    gaps = [round(later - sooner, 1) for sooner, later in zip(server.submits, server.submits[1:])]
    text = str(len(server.submits))
    if gaps:
        text += f" in {took:.0f} s" + (f", {statistics.median(gaps)} s apart" if fault == "429" else "")
    return text


def survives(peer, fault):
    server, code, words, _ = run(peer, "wait", poll_fault=fault)
    return "survives" if code == 0 and server.polls >= 5 else f"dies ({words})"


def leaks(peer):
    foreign = Server("kling" if peer[1] == "ours" else peer[0])
    run(peer, "wait", foreign=foreign.base)
    foreign.shutdown()
    return f"{foreign.requests} requests, {foreign.keys_seen} with the key"


def install():
    if not (WORK / "venv").exists():
        subprocess.run([sys.executable, "-m", "venv", WORK / "venv"], check=True)
        subprocess.run([WORK / "venv/bin/pip", "-q", "install", *PYTHON], check=True)
    if not (WORK / "node_modules").exists() and shutil.which("npm"):
        WORK.joinpath("package.json").write_text('{"private": true}')
        subprocess.run(["npm", "install", "--silent", *NODE], cwd=WORK, check=True)
    shutil.copy(HERE / "drivers.mjs", WORK)
    subprocess.run(["cargo", "build", "-q", "-p", "kling-tests", "--bin", "one_job"], cwd=ROOT, check=True)
    if "--rust" in sys.argv:
        manifest = HERE / "rust-peers/Cargo.toml"
        subprocess.run(["cargo", "build", "-q", "--manifest-path", manifest, "--target-dir", WORK / "rust-target"], check=True)


def versions():
    listed = subprocess.run([WORK / "venv/bin/pip", "list", "--format", "json"], capture_output=True, text=True).stdout
    python = {package["name"].lower().replace("_", "-"): package["version"] for package in json.loads(listed)}
    found = [f"{name} {python.get(name)} (Python)" for name in PYTHON]
    for name in NODE:
        manifest = WORK / "node_modules" / name / "package.json"
        found.append(f"{name} {json.loads(manifest.read_text())['version']} (JavaScript)" if manifest.exists() else name)
    lock = HERE / "rust-peers/Cargo.lock"
    if "--rust" in sys.argv and lock.exists():
        for name in ("octocrab", "object_store"):
            found.append(f"{name} " + re.search(rf'name = "{name}"\nversion = "(.*)"', lock.read_text()).group(1) + " (Rust)")
    return ", ".join(found)


def table(title, columns, rows):
    print(f"\n## {title}\n\n| client | " + " | ".join(columns) + " |\n|---" + "|---" * len(columns) + "|")
    for name, cells in rows:
        print(f"| {name} | " + " | ".join(cells) + " |")


def main():
    WORK.mkdir(parents=True, exist_ok=True)
    install()
    ours = [("kling async", "ours"), ("kling blocking", "ours")]
    python = [(name, "py") for name in ("fal", "replicate", "runwayml", "lumaai", "comfy")]
    node = [(name, "js") for name in ("fal", "replicate", "runwayml")] if (WORK / "node_modules").exists() else []
    rust = [("octocrab", "rust"), ("object_store", "rust")] if "--rust" in sys.argv else []
    waiting = [peer for peer in ours + python + node if peer[0] != "lumaai"]
    linked = [peer for peer in waiting if peer[0] != "runwayml"]
    label = lambda peer: f"**{peer[0]}**" if peer[1] == "ours" else f"{peer[0]} ({peer[1]})"
    faults, bad = ["drop", "500", "503", "429"], ["drop", "503", "429", "unknown word"]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        first = [(peer, [pool.submit(submits, peer, fault) for fault in faults]) for peer in ours + python + node + rust]
        second = [(peer, [pool.submit(survives, peer, fault) for fault in bad]) for peer in waiting]
        third = [(peer, [pool.submit(leaks, peer)]) for peer in linked]
        done = lambda rows: [(label(peer), [cell.result() for cell in cells]) for peer, cells in rows]
        print(f"Measured on {time.strftime('%Y-%m-%d')} with {versions()}.")
        table("How often one paid POST is sent", ["answer dropped", "500", "503", "429, Retry-After: 2"], done(first))
        table("Whether the wait survives one bad status call", ["dropped", "503", "429", "unknown word"], done(second))
        table("What a foreign status_url receives", ["at the foreign origin"], done(third))


main()

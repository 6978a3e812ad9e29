// Package splashdam writes log records to a splashdam sidecar, as lines of text or of JSON.
//
// It is an example to copy: the standard library alone, one file. A line is a record. Nothing is ever sent back, so it
// counts what it could not hand over, and cannot know what became of the rest: the sidecar's metrics do.
package splashdam

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

const (
	// DefaultSocket is where the sidecar listens unless SPLASHDAM_SOCKET names another place.
	DefaultSocket = "/run/splashdam/splashdam.sock"
	firstWait     = 50 * time.Millisecond // for room, once; as long as there is none, the next lines hardly wait
	nextWait      = time.Millisecond
	minBackoff    = 50 * time.Millisecond
	maxBackoff    = 5 * time.Second
)

// ErrAway is what Write returns for a line that is lost because no sidecar is there.
var ErrAway = errors.New("splashdam: the sidecar is away")

// Writer is an io.Writer, for log/slog's handlers, log.New and others that write one whole line, with its LF, per call.
// It connects at the first line, and again after a failure. It may be used by many goroutines. A line that is lost is an
// error, after which a json.Encoder or a bufio.Writer would stop for good: give them to no logger.
type Writer struct {
	path    string
	mutex   sync.Mutex
	conn    net.Conn
	rest    []byte // what the socket had no room for, of a line that it took the beginning of
	full    bool
	backoff time.Duration
	retryAt time.Time
	lost    uint64
}

// New gives a writer to the socket at path, or, if that is empty, to the one that SPLASHDAM_SOCKET names.
func New(path string) *Writer {
	if path == "" {
		path = os.Getenv("SPLASHDAM_SOCKET")
	}
	if path == "" {
		path = DefaultSocket
	}
	return &Writer{path: path}
}

// Write hands one line over. It waits at most 50 ms, and does not wait again before there was room in between.
func (w *Writer) Write(line []byte) (int, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if err := w.deliver(line); err != nil {
		w.lost++
		return 0, err
	}
	return len(line), nil
}

// Lost is the number of lines that could not be handed over.
func (w *Writer) Lost() uint64 {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.lost
}

// Close lets the connection go; what was written stays with the sidecar. A later Write connects again.
func (w *Writer) Close() error {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.rest != nil && w.send(w.rest) == nil {
		w.rest = nil
	}
	if w.conn == nil {
		return nil
	}
	if w.rest != nil {
		w.lost++
	}
	return w.hangUp()
}

// deliver sends the line, on a new connection if the old one has ended meanwhile.
func (w *Writer) deliver(line []byte) error {
	fresh, err := w.connect()
	if err != nil {
		return err
	}
	err = w.sendWithRest(line)
	if err != nil && w.conn == nil && !fresh {
		// The sidecar was restarted since the last line: this one goes to the new one.
		if _, err = w.connect(); err == nil {
			err = w.sendWithRest(line)
		}
	}
	return err
}

// connect makes sure that there is a connection, and says whether it is a new one.
func (w *Writer) connect() (fresh bool, err error) {
	if w.conn != nil {
		return false, nil
	}
	if time.Now().Before(w.retryAt) {
		return false, ErrAway
	}
	w.conn, err = net.DialTimeout("unix", w.path, firstWait)
	if err != nil {
		w.conn = nil
		if w.backoff = 2 * w.backoff; w.backoff < minBackoff {
			w.backoff = minBackoff
		} else if w.backoff > maxBackoff {
			w.backoff = maxBackoff
		}
		w.retryAt = time.Now().Add(w.backoff)
		return false, fmt.Errorf("%w: %v", ErrAway, err)
	}
	w.backoff, w.retryAt, w.full = 0, time.Time{}, false
	return true, nil
}

// sendWithRest sends what is left of the line before, then the line.
func (w *Writer) sendWithRest(line []byte) error {
	if w.rest != nil {
		if err := w.send(w.rest); err != nil {
			return err
		}
		w.rest = nil
	}
	err := w.send(line)
	if w.rest != nil {
		return nil // Its beginning is in the socket: the rest goes first, next time.
	}
	return err
}

// send writes what there is room for. What is left of a line that has begun becomes the rest.
func (w *Writer) send(data []byte) error {
	wait := firstWait
	if w.full {
		wait = nextWait
	}
	_ = w.conn.SetWriteDeadline(time.Now().Add(wait))
	n, err := w.conn.Write(data)
	w.full = errors.Is(err, os.ErrDeadlineExceeded)
	switch {
	case err == nil:
		return nil
	case !w.full:
		if w.rest != nil {
			w.lost++ // The sidecar that had its beginning is gone.
		}
		_ = w.hangUp()
	case n > 0:
		w.rest = append([]byte(nil), data[n:]...)
	}
	return err
}

func (w *Writer) hangUp() error {
	err := w.conn.Close()
	w.conn, w.rest = nil, nil
	return err
}

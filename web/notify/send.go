package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"tnreserve/store"
	"tnreserve/store/tel"
)

// How much of an answer is read.
const (
	answerBytes = 64 << 10
	headerBytes = 16 << 10
)

// newClient is the way out: no proxy, no redirects, HTTP/1.1, and every address judged
// when it is connected to.
func newClient(allowed judge) *http.Client {
	dialer := &net.Dialer{Timeout: 10 * time.Second, ControlContext: only(allowed)}
	transport := &http.Transport{
		Proxy:                  nil,
		DialContext:            dialer.DialContext,
		DisableCompression:     true, // a small answer must not become a large one
		MaxResponseHeaderBytes: headerBytes,
		MaxIdleConns:           100,
		MaxIdleConnsPerHost:    placesEndpoint,
		IdleConnTimeout:        30 * time.Second,
		Protocols:              new(http.Protocols),
	}
	transport.Protocols.SetHTTP1(true)
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// attempt sends a delivery once and says what came of it.
func (n *Notifier) attempt(ctx context.Context, s *store.Sending) (r tel.AttemptResult) {
	r.Attempt = tel.Attempt{Number: s.Attempts, At: s.At, URL: s.URL}
	timed, cancel := context.WithTimeout(ctx, n.timeout)
	defer cancel()
	request, err := n.request(timed, s)
	if err != nil {
		n.log.Error("a webhook could not be made", "delivery", s.ID, "error", err)
		r.Error = "The request could not be made."
		return r
	}
	answer, err := n.send(request)
	if err == nil {
		r.Status = answer.StatusCode
		r.Answer = readAnswer(answer.Body)
		r.Error = statusWords(answer.StatusCode)
	} else {
		level := slog.LevelDebug
		if _, inside := errors.AsType[insideError](err); inside {
			level = slog.LevelWarn
		}
		n.log.Log(ctx, level, "a webhook was not delivered", "delivery", s.ID, "error", err)
		r.Error = n.words(err)
	}
	r.Took = max(0, n.store.Now().Sub(s.At))
	r.Gone = r.Status == http.StatusGone
	r.Stopped = ctx.Err() != nil && r.Failed()
	return r
}

// send never asks this server itself by its name, wherever that leads just now.
func (n *Notifier) send(request *http.Request) (*http.Response, error) {
	if n.home != nil && n.home.named(request.URL.Hostname()) {
		return nil, homeError{}
	}
	return n.client.Do(request)
}

// request is an attempt's request, signed.
func (n *Notifier) request(ctx context.Context, s *store.Sending) (*http.Request, error) {
	body := s.RequestBody(s.Attempts, s.URL)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "tnreserve-webhooks")
	if s.Format == tel.FormatBandwidth {
		request.Header.Set("Content-Type", "application/xml; charset=utf-8")
		return request, nil
	}
	request.Header.Set("Content-Type", "application/json")
	return request, n.sign(ctx, request.Header, s, body)
}

// sign signs in both ways: with the installation's key as Telnyx does, and with the
// endpoint's secrets as Standard Webhooks has it.
func (n *Notifier) sign(ctx context.Context, h http.Header, s *store.Sending, body []byte) error {
	seconds := strconv.FormatInt(s.At.Unix(), 10)
	signature, err := n.store.SignWebhook(ctx, house, s.At, body)
	if err != nil {
		return err
	}
	h.Set("telnyx-timestamp", seconds)
	h.Set("telnyx-signature-ed25519", signature)
	var all []string
	for _, secret := range s.Secrets {
		key, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			return err
		}
		one, err := key.Sign(s.ID, s.At, body)
		if err != nil {
			return err
		}
		all = append(all, one)
	}
	h.Set(standardwebhooks.HeaderWebhookID, s.ID)
	h.Set(standardwebhooks.HeaderWebhookTimestamp, seconds)
	h.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(all, " "))
	return nil
}

// readAnswer reads some of an answer and keeps its beginning as text. That the rest
// does not come changes nothing: the status has been said.
func readAnswer(body io.ReadCloser) string {
	defer body.Close()
	kept := make([]byte, tel.MaxWebhookKept)
	got, err := io.ReadFull(body, kept)
	if err == nil {
		_, _ = io.CopyN(io.Discard, body, answerBytes-tel.MaxWebhookKept)
	}
	return strings.ToValidUTF8(strings.ReplaceAll(string(kept[:got]), "\x00", "?"), "?")
}

// statusWords say why a status does not deliver; "" it does.
func statusWords(status int) string {
	switch {
	case status >= 200 && status < 300:
		return ""
	case status >= 300 && status < 400:
		return fmt.Sprintf("It answered %d, a redirect; redirects are not followed.", status)
	}
	return fmt.Sprintf("It answered %d.", status)
}

// certificateWords do not repeat what the certificate says: it may say anything.
func certificateWords(err error) string {
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "Its TLS certificate is for another name."
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "Its TLS certificate is by an authority that is not known here."
	}
	if bad, ok := errors.AsType[x509.CertificateInvalidError](err); ok && bad.Reason == x509.Expired {
		return "Its TLS certificate has expired, or is not valid yet."
	}
	return "Its TLS certificate is not good."
}

// words are an error of sending in words of ours.
func (n *Notifier) words(err error) string {
	if _, ok := errors.AsType[insideError](err); ok {
		return nowhere
	}
	if own, ok := errors.AsType[homeError](err); ok {
		return own.Error()
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return nowhere
	}
	if bad, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return certificateWords(bad.Err)
	}
	timeout, isNet := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, http.ErrSchemeMismatch):
		return "It speaks HTTP without TLS; its URL is an http one."
	case errors.Is(err, context.Canceled):
		return "Sending was cut: the server stopped."
	case errors.Is(err, context.DeadlineExceeded), isNet && timeout.Timeout():
		return "No answer within " + tel.HumanDuration(n.timeout) + "."
	case errors.Is(err, syscall.ECONNREFUSED):
		return "The connection was refused."
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "The connection was cut before an answer came."
	}
	return "No answer came, or none that is HTTP."
}

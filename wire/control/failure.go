package control

import (
	"errors"
	"fmt"
	"net/http"
)

// Failure is an error that travels over the control socket: one line of text
// and the HTTP status that tells its kind.
type Failure struct {
	Status int    `json:"-"`
	Text   string `json:"error"`
}

// Error returns the text.
func (f *Failure) Error() string { return f.Text }

// Failf makes a Failure; status is an HTTP status from 400 up.
func Failf(status int, format string, args ...any) *Failure {
	return &Failure{Status: status, Text: fmt.Sprintf(format, args...)}
}

// Refused is a Failure for what could not be done (409).
func Refused(format string, args ...any) *Failure {
	return Failf(http.StatusConflict, format, args...)
}

// NotFound is a Failure for a process, job or node that is not known (404).
func NotFound(format string, args ...any) *Failure {
	return Failf(http.StatusNotFound, format, args...)
}

// Forbidden is a Failure for a caller without the right to do it (403).
func Forbidden(format string, args ...any) *Failure {
	return Failf(http.StatusForbidden, format, args...)
}

// Invalid is a Failure for a request that makes no sense (400).
func Invalid(format string, args ...any) *Failure {
	return Failf(http.StatusBadRequest, format, args...)
}

// asFailure turns any error into one that can be sent.
func asFailure(err error) *Failure {
	var failure *Failure
	if errors.As(err, &failure) {
		return &Failure{Status: failure.Status, Text: err.Error()}
	}
	return Failf(http.StatusInternalServerError, "%v", err)
}

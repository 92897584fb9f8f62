package abi

// Signal is a signal's number, 1 to 64.
type Signal int

// SigactionSize is the size of struct kernel_sigaction on x86-64.
const SigactionSize = 32

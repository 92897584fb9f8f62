// Package abi holds the kernel's words: addresses, process numbers, errnos and
// the table of x86-64 system calls. It is data and arithmetic only; it makes no
// system call and imports nothing of this project.
package abi

// PageSize is the size of a page on x86-64, in bytes.
const PageSize = 4096

// TaskSize is the first address that no x86-64 user mapping can have (four-level
// page tables, arch/x86/include/asm/page_64_types.h).
const TaskSize Addr = 0x7ffffffff000

// Addr is an address in the memory of a job's process. It has the same value at
// home and at the guest, and never is a pointer of this program.
type Addr uint64

// PageDown rounds a down to the start of its page.
func (a Addr) PageDown() Addr { return a &^ (PageSize - 1) }

// PageUp rounds a up to the start of the next page, unless it is the start of one.
func (a Addr) PageUp() Addr { return (a + PageSize - 1) &^ (PageSize - 1) }

// HomePid is a process or task number as it is at home: what the program sees.
type HomePid int

// LocalPid is a process or task number as the machine of the caller sees it:
// what ptrace, kill and /proc take here. For a guest it differs from its HomePid.
type LocalPid int

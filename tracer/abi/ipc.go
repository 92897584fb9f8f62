package abi

// The sizes of System V's structs on x86-64 (include/uapi/asm-generic/*buf.h).
const (
	semidSize   = 104
	msqidSize   = 120
	shmidSize   = 112
	seminfoSize = 40
	msginfoSize = 32
	shminfoSize = 72
	shmUsage    = 48
	semAllMax   = 2 * 32000 // SEMMSL values of 16 bits
)

// The commands of semctl, msgctl and shmctl.
const (
	ipcRmid    = 0
	ipcSet     = 1
	ipcStat    = 2
	ipcInfo    = 3
	shmLock    = 11
	shmUnlock  = 12
	statByIdx  = 13 // SHM_STAT; MSG_STAT is 11 and SEM_STAT 18
	shmInfo    = 14
	shmStatAny = 15
	msgStat    = 11
	msgInfo    = 12
	msgStatAny = 13
	semGetall  = 13
	semSetall  = 17
	semStat    = 18
	semInfo    = 19
	semStatAny = 20
)

// semArg shapes semctl's fourth argument. How many values a set has is known at
// home alone: GETALL and SETALL take the most there can be, as far as memory goes.
func semArg(p *planner, i int) {
	switch int32(p.args[2]) {
	case ipcStat, semStat, semStatAny:
		p.fixed(i, semidSize, InOut)
	case ipcInfo, semInfo:
		p.fixed(i, seminfoSize, InOut)
	case ipcSet:
		p.fixed(i, semidSize, In)
	case semGetall:
		p.fixed(i, semAllMax, InOut)
	case semSetall:
		p.fixed(i, semAllMax, In)
	}
}

// msgArg shapes msgctl's third argument.
func msgArg(p *planner, i int) {
	switch int32(p.args[1]) {
	case ipcStat, msgStat, msgStatAny:
		p.fixed(i, msqidSize, InOut)
	case ipcInfo, msgInfo:
		p.fixed(i, msginfoSize, InOut)
	case ipcSet:
		p.fixed(i, msqidSize, In)
	}
}

// shmArg shapes shmctl's third argument.
func shmArg(p *planner, i int) {
	switch int32(p.args[1]) {
	case ipcStat, statByIdx, shmStatAny:
		p.fixed(i, shmidSize, InOut)
	case ipcInfo:
		p.fixed(i, shminfoSize, InOut)
	case shmInfo:
		p.fixed(i, shmUsage, InOut)
	case ipcSet:
		p.fixed(i, shmidSize, In)
	}
}

// notifyCookie is NOTIFY_COOKIE_LEN: what SIGEV_THREAD's value of mq_notify points to.
const (
	notifyCookie = 32
	sigevNotify  = 12
	sigevThread  = 2
	sigeventSize = 64
)

// notifyArg shapes mq_notify's sigevent.
func notifyArg(p *planner, i int) {
	r, words := p.header(Addr(p.args[i]), sigeventSize, In, arg(i), OutRule{})
	if words != nil && u32(words, sigevNotify) == sigevThread {
		p.region(Addr(u64(words, 0)), notifyCookie, In, Pointer{r, 0}, OutRule{})
	}
}

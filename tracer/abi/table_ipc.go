package abi

// ipcRows are System V's and POSIX's queues, semaphores and shared memory.
var ipcRows = []Row{
	{Nr: 29, Name: "shmget", Args: args(val("key"), val("size"), val("shmflg")), Placement: Home},
	{Nr: 30, Name: "shmat", Placement: ComeHome, Note: "memory shared with other processes"},
	{Nr: 31, Name: "shmctl", Args: args(val("shmid"), val("cmd"), special("buf", "by command", InOut, 1, shmArg)), Placement: Home},
	{Nr: 64, Name: "semget", Args: args(val("key"), val("nsems"), val("semflg")), Placement: Home},
	{Nr: 65, Name: "semop", Args: args(val("semid"), inBuf("sops", 2, 6).u32(), val("nsops")), Placement: Home, Interrupt: RawEINTR, MayBlock: true},
	{Nr: 66, Name: "semctl", Args: args(val("semid"), val("semnum"), val("cmd"), special("arg", "by command", InOut, 2, semArg)), Placement: Home},
	{Nr: 67, Name: "shmdt", Placement: ComeHome, Note: "memory shared with other processes"},
	{Nr: 68, Name: "msgget", Args: args(val("key"), val("msgflg")), Placement: Home},
	{Nr: 69, Name: "msgsnd", Args: args(val("msqid"), inBuf("msgp", 2, 1).plus(8), val("msgsz"), val("msgflg")), Placement: Home, Interrupt: NoHand, MayBlock: true, blocks: unlessBits(3, 0o4000)},
	{Nr: 70, Name: "msgrcv", Args: args(val("msqid"), outBuf("msgp", 2, 1).plus(8), val("msgsz"), val("msgtyp"), val("msgflg")), Placement: Home, Interrupt: NoHand, MayBlock: true, blocks: unlessBits(4, 0o4000)},
	{Nr: 71, Name: "msgctl", Args: args(val("msqid"), val("cmd"), special("buf", "by command", InOut, 1, msgArg)), Placement: Home},
	{Nr: 220, Name: "semtimedop", Args: args(val("semid"), inBuf("sops", 2, 6).u32(), val("nsops"), in("timeout", timespecSize)), Placement: Home, Interrupt: RawEINTR, MayBlock: true, Timeout: Timeout{Unit: Timespec, Arg: 3}},
	{Nr: 240, Name: "mq_open", Args: args(path("name"), val("oflag"), val("mode"), in("attr", 64)), Placement: Home},
	{Nr: 241, Name: "mq_unlink", Args: args(path("name")), Placement: Home},
	{Nr: 242, Name: "mq_timedsend", Args: args(val("mqdes"), inBuf("msg", 2, 1), val("msg_len"), val("prio"), in("timeout", timespecSize)), Placement: Home, Interrupt: Restarts, MayBlock: true, Timeout: Timeout{Unit: Timespec, Arg: 4, Absolute: true}},
	{Nr: 243, Name: "mq_timedreceive", Args: args(val("mqdes"), outBuf("msg", 2, 1), val("msg_len"), inout("prio", 4), in("timeout", timespecSize)), Placement: Home, Interrupt: Restarts, MayBlock: true, Timeout: Timeout{Unit: Timespec, Arg: 4, Absolute: true}},
	{Nr: 244, Name: "mq_notify", Args: args(val("mqdes"), special("sevp", "sigevent", In, 0, notifyArg)), Placement: Home},
	{Nr: 245, Name: "mq_getsetattr", Args: args(val("mqdes"), in("newattr", 64), out("oldattr", 64)), Placement: Home},
}

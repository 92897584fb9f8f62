package main

import "os"

func startDeputy(channel *os.File) int { return exitFailed }

func startExecutor(channel *os.File) int { return exitFailed }

package main

type demoCommand struct{}

func (demoCommand) Run(p *program) error { return nil }

type exportCommand struct{}

func (exportCommand) Run(p *program) error { return nil }

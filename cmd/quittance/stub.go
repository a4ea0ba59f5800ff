package main

import "context"

type demoCommand struct{}

func (demoCommand) Run(p *program) error { return nil }

type exportCommand struct{}

func (exportCommand) Run(p *program) error { return nil }

type sandboxCommand struct{}

func (sandboxCommand) Run(p *program) error { return nil }

func benchPricing(ctx context.Context, p *program, c benchCommand, dir string) ([]figure, error) {
	return nil, nil
}
func benchHTTP(ctx context.Context, p *program, c benchCommand, dir string) ([]figure, error) {
	return nil, nil
}
func benchMemory(ctx context.Context, p *program, c benchCommand, dir string) ([]figure, error) {
	return nil, nil
}

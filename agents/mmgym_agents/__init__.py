"""Policies for mmgym: scripted ones, and vision-language models from transformers."""

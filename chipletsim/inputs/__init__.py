"""Inputs of an experiment that are read sample by sample: data sets, recordings, replays."""

"""Tests of our package fhir."""

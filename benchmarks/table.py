#!/usr/bin/python3
"""table.py FILE: the results of the benchmark programs, one JSON object a line, as a table."""

import json
import sys


def main():
    with open(sys.argv[1], encoding='utf-8') as file:
        results = [json.loads(line) for line in file]
    width = max(len(result['name']) for result in results)
    for result in results:
        value = f"{result['value']:,.4g}" if result['value'] < 1000 else f"{result['value']:,.0f}"
        budget = ''
        if result['budget'] is not None:
            verdict = 'ok' if result['value'] <= result['budget'] else 'over'
            budget = f"budget {result['budget']:g} {result['unit']}: {verdict}"
        print(f"{result['name']:<{width}}  {value:>10} {result['unit']:<7} {budget}".rstrip())


main()

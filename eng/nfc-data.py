#!/usr/bin/env python3
"""Writes src/Airbench.Core/Text/nfc.txt, the data of Unicode's normalization form C, from the tables of Python's unicodedata.

One line a code point that has a canonical decomposition or a combining class: code point, class, and the decomposition behind '=' where it
is composed again, behind '>' where it is not. Hangul follows a rule and is left out.
"""
import sys
import unicodedata

lines = []
for code in range(sys.maxunicode + 1):
    char = chr(code)
    mapping = unicodedata.decomposition(char)
    if mapping.startswith('<') or 0xAC00 <= code <= 0xD7A3:
        mapping = ''
    combining = unicodedata.combining(char)
    if mapping or combining:
        whole = ''.join(chr(int(part, 16)) for part in mapping.split())
        sign = '=' if len(whole) == 2 and unicodedata.normalize('NFC', whole) == char else '>'
        lines.append(f'{code:X} {combining}' + (f' {sign}{mapping}' if mapping else ''))
with open('src/Airbench.Core/Text/nfc.txt', 'w', encoding='ascii', newline='\n') as out:
    out.write(f'# Unicode {unicodedata.unidata_version}, written by eng/nfc-data.py\n')
    out.write('\n'.join(lines) + '\n')

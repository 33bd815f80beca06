"""Release: what readers see, and the only thing they see.

A release is an immutable folder ``published/releases/<number>`` holding every mart of one build.
It is written beside the others, made durable, renamed into place and then pointed to by
``published/current``; a reader who resolves that pointer once reads one release whole, whatever
happens meanwhile.
"""

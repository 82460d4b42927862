"""A canary over time: the written rules, sequential evidence, the certificate of GO, and the verdict of them all."""

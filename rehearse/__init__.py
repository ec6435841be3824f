"""The deploy rehearsal: the real `sam build` and `sam deploy` of template.yaml into an AWS emulator on this machine, and one story
with the real SDK against the deployed stack. No AWS account, no Docker (`make rehearse`)."""

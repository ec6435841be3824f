"""ministack with what its SES lacks of sending identities: a custom MAIL FROM domain, feedback, and a provider that confirms both
them and the DKIM keys at once. Runs in ministack's own environment: `python rehearse/provider.py`."""

from __future__ import annotations

import json
import re
from typing import Any

from ministack.app import main
from ministack.services import ses_v2

IDENTITY_SETTING = re.compile(r"/v2/email/identities/([^/]+)/(mail-from|feedback)")

_known = ses_v2.handle_request


async def handle_request(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
    found = IDENTITY_SETTING.fullmatch(path)
    if method != "PUT" or found is None:
        return await _known(method, path, headers, body, query_params)
    identity = ses_v2._identities.get(found[1])
    if identity is None:
        return ses_v2._json_err("NotFoundException", f"Identity {found[1]} not found", 404)
    if found[2] == "mail-from":
        identity["MailFromAttributes"] = {**json.loads(body), "MailFromDomainStatus": "SUCCESS"}
        identity["DkimAttributes"]["Status"] = "SUCCESS"
    else:
        identity["FeedbackForwardingStatus"] = json.loads(body)["EmailForwardingEnabled"]
    return ses_v2.json_response({})


ses_v2.handle_request = handle_request

if __name__ == "__main__":
    main()

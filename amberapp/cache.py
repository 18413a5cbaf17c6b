"""How values lie in the Redis cache: as JSON. Django's own way is pickle, which runs whatever somebody put there."""

import json
from typing import Any


class JSONSerializer:
    """Integers stay as they are, so that Redis can count with them. Raises TypeError for what JSON cannot say."""

    def dumps(self, value: Any) -> bytes | int:
        if type(value) is int:
            return value
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()

    def loads(self, data: bytes) -> Any:
        return json.loads(data)

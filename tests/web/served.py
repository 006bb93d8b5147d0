"""A server of fixed pages for tests of the browser layer."""

from urllib.parse import urlsplit

from mmgym_web.messages import Request, Response

HTML = ("content-type", "text/html; charset=utf-8")
SITE = "http://site.test"


class FixedPages:
    """A server of fixed pages that remembers what it was asked."""

    def __init__(self, pages):
        self.pages = pages
        self.asked: list[Request] = []

    async def answer(self, request):
        self.asked.append(request)
        parts = urlsplit(request.url)
        if parts.hostname != "site.test":
            return None
        page = self.pages.get(parts.path)
        if page is None:
            return Response(404, [HTML], b"<title>404</title>")
        return page(request) if callable(page) else Response(200, [HTML], page.encode())

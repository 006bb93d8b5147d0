from mmgym_web.webnav.sites.travel.site import SITE

from mmgym_web.webnav.sites.files.site import SITE
